import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest

from app.brains.capabilities.contract import CallRefusal
from app.brains.effects.model import Cool, Handoff, Increment, React, Remember, Reply, Schedule
from app.brains.runtime.program import compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.sandbox_job import RenderContext, build_job
from app.brains.triggers.contract import Match
from tests.brains.owners import OWNERS

GRANTS = {"http": {"allow": ["api.example.com"]}}
GET = "ctx.http.get('https://api.example.com/x')"


def build_command(word, source="", template=None, **more: Any):
    action = {"kind": "script", "source": source} if template is None else {"template": template}
    return {"name": word, "trigger": {"kind": "command", "words": [word]}, "action": action, **more}


class FakeHttp:
    """Answers at once, after a while, or not at all."""

    grant = "http"

    def __init__(self, wait=0.0) -> None:
        self.asked = []
        self._wait = wait

    def answer(self, _method, arguments, _asker):
        self.asked.append(arguments["url"])
        time.sleep(self._wait)
        if "broken" in arguments["url"]:
            raise CallRefusal("upstream", "It is broken.")
        return {"status": 200, "text": f"answer {len(self.asked)}", "headers": {}}


@pytest.fixture
def begin(sandbox, turn, brain):
    """Begin a run of the first of some commands; return what the runtime gives."""

    def go(*commands: Any, text="!a", grants=GRANTS, web=None, **changes: Any):
        document = {**brain(*commands), "grants": grants}
        program = compile_program(next(OWNERS), 1, document)
        capabilities = {"http.get": web or FakeHttp()}
        return Runtime(sandbox).run_many([RunRequest(program, turn(text, **changes), capabilities)])[0]

    return go


@pytest.fixture
def run(begin):
    def go(*commands: Any, **changes: Any):
        ending = begin(*commands, **changes)
        return ending.result(30) if isinstance(ending, Future) else ending

    return go


def list_texts(outcome):
    return [effect.text for effect in outcome.effects if isinstance(effect, Reply)]


def test_a_script_decides_effects(run):
    outcome = run(
        build_command("a", "ctx.reply('hi')\nctx.react('👍')\nctx.memory.set('k', [1])\nctx.handoff('help')")
    )
    assert outcome.status == "answered"
    assert outcome.effects == (Reply("hi"), React("👍"), Remember("contact", "k", [1]), Handoff("help"))


def test_a_script_sees_its_turn(run):
    source = (
        "m = ctx.message\nctx.reply(f'{m.text}|{m.kind}|{m.id}|{m.timestamp}|{m.quoted.text}|{m.media}|"
        "{ctx.sender.name}|{ctx.chat.is_group}|{ctx.now.isoformat()}|{ctx.command.name}|{ctx.args.n + 1}')"
    )
    a = build_command("a", source, arguments=[{"name": "n", "type": "int"}])
    outcome = run(a, text="!a 4", provider_id="wamid.1", quoted={"id": "q", "text": "before"})
    assert list_texts(outcome) == [
        "!a 4|text|wamid.1|1767268800.0|before|None|Ama|False|2026-01-01T12:00:00+00:00|a|5"
    ]


def test_a_script_that_sends_nothing_is_silent_but_keeps_its_effects(run):
    outcome = run(build_command("a", "ctx.memory.incr('n')\nctx.result({'a': 1})\nprint('seen')"))
    assert (outcome.status, outcome.effects) == ("silent", (Increment("contact", "n", 1),))
    assert "decided on nothing to send" in outcome.trace.reason
    assert (outcome.trace.result, outcome.trace.output) == ({"a": 1}, "seen\n")


def test_a_failed_script_has_no_effects_at_all_but_shows_them(run):
    rests = {"cooldown": {"seconds": 60}}
    outcome = run(build_command("a", "ctx.reply('lost')\nprint('so far')\nctx.repyl('x')", restrict=rests))
    assert (outcome.status, outcome.effects) == ("failed", ())
    fault = outcome.sandbox_error
    assert (fault.kind, fault.line, fault.column) == ("error", 3, 1)
    assert "reply" in fault.fix
    assert outcome.trace.error["excerpt"] == ["2: print('so far')", "3: ctx.repyl('x')"]
    assert outcome.trace.dropped == [["reply", {"text": "lost"}]]
    assert outcome.trace.output == "so far\n"


def test_a_script_that_answered_has_a_cooldown(run, turn):
    cooled = build_command("a", "ctx.reply('x')", restrict={"cooldown": {"seconds": 60}})
    assert run(cooled).effects == (Reply("x"), Cool("c0", "contact:7", turn().now + 60_000))


def test_a_script_that_runs_too_long_fails_and_the_next_one_runs(run):
    outcome = run(build_command("a", "while True:\n    pass"))
    assert (outcome.status, outcome.sandbox_error.kind) == ("failed", "time")
    assert outcome.sandbox_error.line in {1, 2}
    assert list_texts(run(build_command("a", "ctx.reply('next')"))) == ["next"]


@pytest.mark.parametrize(
    ("grants", "source"),
    [
        ({"memory": None}, "ctx.memory.set('k', 1)"),
        ({"media": None}, "ctx.send_image('https://a.test/b.png')"),
        ({"schedule": None}, "ctx.schedule('a', after=5)"),
        ({}, GET),
        ({}, "ctx.ai('hi')"),
    ],
)
def test_what_is_not_granted_fails(run, grants, source):
    outcome = run(build_command("a", source), grants=grants)
    assert (outcome.status, outcome.sandbox_error.kind) == ("failed", "call")
    assert "permission" in outcome.error


def test_memory_is_seen_and_changes_are_seen_by_the_same_run(run):
    source = (
        "ctx.memory.set('k', ctx.memory.get('k') + 1)\n"
        "ctx.reply(f\"{ctx.memory.get('k')} {ctx.memory.get('t', scope='chat')} {ctx.memory.keys('brain')}\")"
    )
    memory = {"contact": {"k": 4}, "chat": {"t": "x"}, "brain": {"b": 1}}
    outcome = run(build_command("a", source), memory=memory)
    assert list_texts(outcome) == ["5 x ['b']"]
    assert set(outcome.reads) == {("contact", "k"), ("chat", "t"), ("brain", "b")}
    assert outcome.journal["memory"] == memory


def test_a_template_sees_the_memory(run):
    template = "{{ memory.k }} {{ chat.memory.t }} {{ brain.memory.b }}"
    memory = {"contact": {"k": 4}, "chat": {"t": "x"}, "brain": {"b": 1}}
    assert list_texts(run(build_command("a", template=template), memory=memory)) == ["4 x 1"]


def test_memory_that_would_not_fit_fails_the_run(run):
    memory = {"contact": {f"k{n}": n for n in range(50)}, "chat": {}, "brain": {}}
    outcome = run(build_command("a", "ctx.reply('x')\nctx.memory.set('one', 'more')"), memory=memory)
    assert (outcome.status, outcome.effects, outcome.sandbox_error.kind) == ("failed", (), "limit")
    assert "51 values; 50 are allowed" in outcome.error


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("ctx.reply('x')", False),
        ("ctx.memory.get('x')", True),
        ("getattr(ctx, 'mem' + 'ory').get('x')", True),
        ("ctx.call('a')", True),
    ],
)
def test_a_program_says_whether_it_needs_the_memory(brain, source, needed):
    document = brain(build_command("a", source))
    assert compile_program(1, 1, document).needs_memory is needed
    assert compile_program(1, 1, {**document, "grants": {"memory": None}}).needs_memory is False


def test_a_called_command_s_effects_stand_where_it_was_called(run):
    outcome = run(
        build_command("a", "ctx.reply('1')\nr = ctx.call('b', n=2)\nctx.call('C')\nctx.reply(f'4 {r}')"),
        build_command(
            "b",
            "ctx.reply(str(ctx.args.n))\nctx.result([ctx.args.n])",
            arguments=[{"name": "n", "type": "int"}],
        ),
        build_command("c", template="3 {{ sender.name }}"),
    )
    assert list_texts(outcome) == ["1", "2", "3 Ama", "4 [2]"]


def test_caller_and_called_see_each_other_s_memory(run):
    outcome = run(
        build_command(
            "a", "ctx.memory.set('n', 5)\nctx.call('b')\nctx.call('t')\nctx.reply(str(ctx.memory.get('n')))"
        ),
        build_command("b", "ctx.memory.incr('n', 2)\nctx.memory.get('x', scope='brain')"),
        build_command("t", template="n is {{ memory.n }}"),
    )
    assert list_texts(outcome) == ["n is 7", "7"]
    assert outcome.effects[:2] == (Remember("contact", "n", 5), Increment("contact", "n", 2))
    assert ("brain", "x") in outcome.reads


def test_a_failed_command_can_be_caught_and_has_no_effects(run):
    outcome = run(
        build_command("a", "try:\n    ctx.call('b')\nexcept Exception as error:\n    ctx.reply(str(error))"),
        build_command("b", "ctx.reply('lost')\nnobody"),
    )
    assert len(outcome.effects) == 1
    assert "“b” failed in line 2" in list_texts(outcome)[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("ctx.call('nobody')", "nobody"),
        ("ctx.call('off')", "switched off"),
        ("ctx.call('b')", "argument n is missing"),
        ("ctx.call('b', n='x')", "whole number"),
        ("ctx.call('b', n=1, m=2)", "no argument “m”"),
    ],
)
def test_a_command_that_cannot_be_called_says_why(run, source, words):
    outcome = run(
        build_command("a", source),
        build_command("b", "pass", arguments=[{"name": "n", "type": "int"}]),
        build_command("off", "pass", enabled=False),
    )
    assert outcome.status == "failed"
    assert words in outcome.error


def test_commands_call_each_other_two_deep_and_no_deeper(run):
    outcome = run(
        build_command("a", "ctx.reply('a')\nctx.call('b')"),
        build_command("b", "ctx.reply('b')\nctx.call('c')"),
        build_command(
            "c", "ctx.reply('c')\ntry:\n    ctx.call('a')\nexcept Exception as error:\n    print(error)"
        ),
    )
    assert list_texts(outcome) == ["a", "b", "c"]
    assert "2 deep" in outcome.trace.output


def test_calls_of_called_commands_share_quota_and_journal(run):
    web = FakeHttp()
    outcome = run(
        build_command("a", f"ctx.call('b')\nctx.call('b')\nctx.reply({GET}.text)"),
        build_command("b", f"{GET}\n{GET}"),
        web=web,
    )
    assert list_texts(outcome) == ["answer 5"]
    assert len(outcome.journal["calls"]) == len(web.asked) == len(outcome.trace.calls) == 5
    flood = run(
        build_command("a", "for n in range(5):\n    ctx.call('b')"),
        build_command("b", f"{GET}\n{GET}"),
        web=FakeHttp(),
    )
    assert (flood.status, flood.effects) == ("failed", ())


def test_a_call_s_answer_is_given_and_its_failure_can_be_caught(run):
    source = (
        f"ctx.reply({GET}.text)\ntry:\n    ctx.http.get('https://api.example.com/broken')\n"
        "except Exception as error:\n    ctx.reply(str(error))"
    )
    outcome = run(build_command("a", source))
    assert list_texts(outcome)[0] == "answer 1"
    assert "It is broken." in list_texts(outcome)[1]
    assert [(line["ok"], line["method"]) for line in outcome.trace.calls] == [
        (True, "http.get"),
        (False, "http.get"),
    ]
    assert [entry["ok"] for entry in outcome.journal["calls"]] == [True, False]


def test_a_run_that_asks_goes_on_while_others_are_done(sandbox, turn, brain):
    slow = FakeHttp(wait=3)
    document = {
        **brain(build_command("a", f"ctx.reply({GET}.text)"), build_command("b", "ctx.reply('quick')")),
        "grants": GRANTS,
    }
    program = compile_program(next(OWNERS), 1, document)
    requests = [RunRequest(program, turn(text), {"http.get": slow}) for text in ("!b", "!a", "!b")]
    began = time.monotonic()
    endings = Runtime(sandbox).run_many(requests)
    assert time.monotonic() - began < 2.5
    assert [isinstance(ending, Future) for ending in endings] == [False, True, False]
    assert list_texts(endings[1].result(10)) == ["answer 1"]


def test_a_future_is_settled_even_when_nobody_waits(begin):
    settled = threading.Event()
    ending = begin(build_command("a", f"ctx.reply({GET}.text)"), web=FakeHttp(wait=0.1))
    ending.add_done_callback(lambda _: settled.set())
    assert settled.wait(10)


def test_a_scheduled_command_runs_whatever_the_triggers_say(run):
    due = build_command("b", "ctx.reply(f'due {ctx.args.n}')", arguments=[{"name": "n", "type": "int"}])
    due["restrict"] = {"chats": "group", "cooldown": {"seconds": 5}}
    outcome = run(build_command("a", "pass"), due, text="", command_id="c1", arguments={"n": 3})
    assert (outcome.command_id, outcome.effects) == ("c1", (Reply("due 3"),))
    failed = run(build_command("a", "pass"), due, text="", command_id="c1", arguments={"n": "x"})
    assert (failed.status, failed.effects, failed.sandbox_error.kind) == ("failed", (), "error")
    gone = run(build_command("a", "pass"), text="", command_id="c9", arguments={})
    assert (gone.status, gone.trace.reason) == ("silent", "the command it was to run is no longer there")
    off = run(
        build_command("a", "pass", enabled=False), build_command("b", "pass"), command_id="c0", arguments={}
    )
    assert (off.status, "switched off" in off.trace.reason) == ("silent", True)


def test_a_named_command_reads_its_arguments_from_the_text(run):
    named = build_command("a", "ctx.reply(ctx.args.t)", arguments=[{"name": "t", "type": "rest"}])
    assert list_texts(run(named, text="one two", command_id="c0")) == ["one two"]


def test_a_command_is_scheduled_by_its_id(run, turn):
    outcome = run(
        build_command("a", "ctx.schedule('B', after=60, name='soon', n=1)"), build_command("b", "pass")
    )
    assert outcome.effects == (Schedule("c1", turn().now + 60_000, {"n": 1}, "soon"),)


def test_what_a_brain_demands_is_asked_of_the_sandbox(brain, turn):
    for strict in (False, True):
        program = compile_program(7, 1, brain(build_command("a", "pass"), strict=strict))
        scene = RenderContext(program, turn("!a"), program.entries[0], Match(), {}, {}, 1)
        job = build_job(scene, measure=strict)
        assert (job.owner, job.strict, job.measure) == ("version:7", strict, strict)


def test_a_draft_is_an_owner_of_its_own(brain):
    assert compile_program(0, 5, brain(build_command("a", "pass"))).owner == "draft:5"


def test_equal_turns_give_equal_digests_and_other_ones_others(run):
    source = "ctx.reply(f'{ctx.random.random()} {ctx.now} {set(\"abc\")}')"
    first, again = run(build_command("a", source), seed=1), run(build_command("a", source), seed=1)
    assert first.digest == again.digest
    assert run(build_command("a", source), seed=2).digest != first.digest
    assert len(first.digest) == 64
    digests = {
        run(build_command("a", text)).digest
        for text in ("nobody", "\nnobody", "pass", "print(1)", "ctx.result(1)")
    }
    assert len(digests) == 5
