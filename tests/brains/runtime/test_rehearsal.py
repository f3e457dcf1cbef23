"""Recorded turns on a changed draft: answers from the record in any order, and differences by their kind."""

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from app.brains.capabilities.contract import CallContext, CallRefusal
from app.brains.document.schema import Grants
from app.brains.effects.model import Cool, Remember, Reply
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.rehearsal import Comparison, RecordedCalls, RecordedRun, Rehearsal, compute_forecast
from app.brains.runtime.replay import replay
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.trace import Trace
from app.brains.turn import Turn

ASKER = CallContext(1, Grants())
GRANTS = {"http": {"allow": ["a.example.com"]}, "memory": {}}
GET = "ctx.http.get('https://a.example.com/{}').text"


class FakeHttp:
    """Answers with the address; one page is broken."""

    grant = "http"

    def answer(self, _method: str, arguments: Any, _asker: CallContext) -> Any:
        if arguments["url"].endswith("broken"):
            raise CallRefusal("upstream", "It is broken.")
        return {"status": 200, "text": arguments["url"][-1], "headers": {}}


def compile_script(number: int, source: str) -> Program:
    command = {
        "id": "c1", "name": "run", "trigger": {"kind": "fallback"},
        "action": {"kind": "script", "source": source},
    }  # fmt: skip
    return compile_program(number, 1, {"brain": "b", "title": "B", "grants": GRANTS, "commands": [command]})


def record_run(sandbox: Any, turn: Turn, source: str) -> RecordedRun:
    """Run a script as it ran when its message came."""
    request = RunRequest(compile_script(1, source), turn, {"http.get": FakeHttp()})
    (ending,) = Runtime(sandbox).run_many([request])
    outcome = ending.result(20) if isinstance(ending, Future) else ending
    bare = replace(turn, now=0, seed=0)
    return RecordedRun(
        bare,
        outcome.journal,
        outcome.status,
        1,
        outcome.command_id,
        outcome.digest,
        outcome.micros,
        outcome.trace,
    )


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        ("ctx.reply('a')", "ctx.reply('a')  # again", "same"),
        ("ctx.reply('a')", "print('seen')\nctx.reply('a')", "same"),
        ("ctx.reply('a')", "ctx.reply('b')", "changed"),
        ("ctx.reply('a')", "ctx.reply('a')\nctx.memory.set('k', 1)", "changed"),
        ("ctx.reply('a')", "pass", "silent"),
        ("ctx.reply('a')", "{}['no']", "failing"),
        ("pass", "{}['no']", "failing"),
        ("pass", "ctx.reply('a')", "answering"),
        ("{}['no']", "ctx.reply('a')", "answering"),
        ("{}['no']", "pass", "changed"),
        ("{}['no']", "x = 1\n{}['no']", "same"),
        ("{}['no']", "[][5]", "changed"),
        (f"ctx.reply({GET.format('1')})", f"ctx.reply({GET.format('2')})", "new_call"),
        (
            f"ctx.reply({GET.format('1')} + {GET.format('2')})",
            f"b = {GET.format('2')}\nctx.reply({GET.format('1')} + b)",
            "same",
        ),
        (f"ctx.reply({GET.format('broken')})", f"ctx.reply('It was ' + {GET.format('broken')})", "same"),
    ],
)
def test_a_difference_has_its_kind(sandbox: Any, turn: Any, then: str, now: str, kind: str):
    past = record_run(sandbox, turn("hello"), then)
    versions = {1: compile_script(1, then)}
    (compared,) = Rehearsal(compile_script(0, now), versions.get, Runtime(sandbox)).run([past])
    assert compared.kind == kind, compared
    assert (compared.new_calls == ("http.get https://a.example.com/2",)) == (kind == "new_call")


def test_a_version_that_is_gone_is_known_by_its_record(sandbox: Any, turn: Any):
    past = record_run(sandbox, turn("hello"), "ctx.reply('a')")
    play = Rehearsal(compile_script(0, "ctx.reply('b')"), {}.get, Runtime(sandbox)).run
    assert [(each.kind, each.before.effects) for each in play([past])] == [("same", None)]
    assert Rehearsal(compile_script(0, "pass"), {}.get, Runtime(sandbox)).run([past])[0].kind == "silent"


def test_a_recording_gives_each_answer_once_and_counts_what_was_waited():
    first, second = build_recorded_calls(("x", 5), ("x", 7)), build_recorded_calls()
    assert [first.answer("ai", {"prompt": "x"}, ASKER) for _ in range(2)] == [0, 1]
    assert (first.waited_ms, first.methods, first.new_methods) == (12, ["ai", "ai"], [])
    for recording in (first, second):
        with pytest.raises(CallRefusal, match="no recorded answer"):
            recording.answer("ai", {"prompt": "x"}, ASKER)
        assert recording.new_methods == ["ai"]


def build_recorded_calls(*asked: tuple[str, int]) -> RecordedCalls:
    from app.brains.runtime.capability_calls import hash_arguments  # noqa: PLC0415  used here alone

    calls = [
        {"m": "ai", "a": hash_arguments({"prompt": words}), "ok": True, "v": number}
        for number, (words, _) in enumerate(asked)
    ]
    lines = [{"method": "http.get", "ms": 99}, *({"method": "ai", "ms": took} for _, took in asked)]
    return RecordedCalls({"calls": calls}, Trace(calls=lines))


def test_a_forecast_of_nothing_is_nothing():
    found = compute_forecast([])
    assert (found.before_micros, found.after_micros, dict(found.calls_before)) == ((0, 0), (0, 0), {})


COUNT = "n = ctx.memory.get('{0}', 0) + 1\nctx.memory.set('{0}', n)\nctx.reply(f'{{n}}')"


class RecordedChats:
    """Chats that a version answered live: each message finds what those before it have left."""

    def __init__(self, sandbox: Any, turn: Any, source: str) -> None:
        self.sandbox, self.turn, self.source = sandbox, turn, source
        self.memory: dict[str, Any] = {}
        self.runs: list[RecordedRun] = []

    def say(self, chat_id: int = 3, now: int = 0) -> RecordedRun:
        changes = {"message_id": len(self.runs) + 1, "chat_id": chat_id, "contact_id": chat_id}
        memory = {"contact": dict(self.memory.get(f"contact {chat_id}", {})), "chat": {}, "brain": {}}
        memory["brain"] = dict(self.memory.get("brain", {}))
        asked = self.turn("hello", memory=memory, **changes)
        made = record_run(self.sandbox, replace(asked, now=asked.now + now), self.source)
        outcome = replay(compile_script(1, self.source), made.turn, made.journal, self.sandbox)
        for effect in outcome.effects:
            if isinstance(effect, Remember):
                name = "brain" if effect.scope == "brain" else f"contact {chat_id}"
                self.memory.setdefault(name, {})[effect.key] = effect.value
        self.runs.append(made)
        return made

    def rehearse(self, source: str, *, is_gone: bool = False) -> list[Comparison]:
        programs = {} if is_gone else {1: compile_script(1, self.source)}
        return Rehearsal(compile_script(0, source), programs.get, Runtime(self.sandbox)).run(self.runs)


def list_texts(compared: list[Comparison]) -> list[str]:
    return [
        "".join(each.text for each in one.after.effects or () if isinstance(each, Reply)) for one in compared
    ]


def test_a_draft_that_renames_a_key_finds_what_it_has_remembered_itself(sandbox: Any, turn: Any):
    chats = RecordedChats(sandbox, turn, COUNT.format("old"))
    for chat_id in (3, 3, 4, 3):
        chats.say(chat_id)
    compared = chats.rehearse(COUNT.format("new"))
    # Live it was 1, 2, 1, 3 too; each run sets another key, so that each is changed.
    assert list_texts(compared) == ["1", "2", "1", "3"]
    assert [each.kind for each in compared] == ["changed"] * 4
    assert [any("draft would have remembered" in note for note in each.notes) for each in compared] == [
        False, True, False, True,
    ]  # fmt: skip


def test_what_was_there_before_and_what_others_change_is_found_by_the_draft(sandbox: Any, turn: Any):
    chats = RecordedChats(sandbox, turn, COUNT.format("n"))
    chats.memory["contact 3"] = {"n": 5, "name": "Esi"}
    chats.say()
    chats.memory["contact 3"]["name"] = "Ama"  # by an operator
    chats.say()
    source = "n = ctx.memory.get('n', 0) + 10\nctx.memory.set('n', n)\nctx.reply(f\"{n} {ctx.memory.get('name')}\")"
    assert list_texts(chats.rehearse(source)) == ["15 Esi", "25 Ama"]
    assert {each.kind for each in chats.rehearse(COUNT.format("n") + "  # the same")} == {"same"}


def test_what_is_remembered_for_everybody_is_carried_from_chat_to_chat(sandbox: Any, turn: Any):
    source = COUNT.replace(", 0)", ", 0, scope='brain')").replace(", n)", ", n, scope='brain')")
    chats = RecordedChats(sandbox, turn, source.format("old"))
    for chat_id in (3, 4, 3):
        chats.say(chat_id)
    assert list_texts(chats.rehearse(source.format("new"))) == ["1", "2", "3"]


def test_what_the_draft_remembers_ends_when_it_says(sandbox: Any, turn: Any):
    chats = RecordedChats(sandbox, turn, COUNT.format("old"))
    chats.say()
    chats.say(now=30_000)
    chats.say(now=120_000)
    source = COUNT.format("new").replace(", n)", ", n, ttl=60)")
    assert list_texts(chats.rehearse(source)) == ["1", "2", "1"]


def test_a_message_after_effects_that_are_not_known_says_so(sandbox: Any, turn: Any):
    chats = RecordedChats(sandbox, turn, COUNT.format("old"))
    for chat_id in (3, 3, 4):
        chats.say(chat_id)
    first, second, other = chats.rehearse("ctx.memory.get('old')\nctx.reply('1')", is_gone=True)
    assert [each.notes for each in (first, other)] == [first.notes, first.notes]
    assert any("not certain" in note for note in second.notes)
    known, _, _ = chats.rehearse(COUNT.format("new"), is_gone=True)
    assert not any("not certain" in note for note in known.notes)


def test_a_command_that_was_not_asked_before_says_that_its_variables_are_not_known(sandbox: Any, turn: Any):
    chats = RecordedChats(sandbox, turn, "ctx.reply('hi')")
    chats.say()
    (compared,) = chats.rehearse("ctx.reply(ctx.memory.get('name', 'nobody'))")
    assert any("were not recorded" in note for note in compared.notes)


class RecordedCooldowns:
    """Messages that a version with a cooldown answered live, each with what rested then."""

    def __init__(self, sandbox: Any, turn: Any, cooldown: dict[str, Any] | None) -> None:
        self.sandbox, self.turn = sandbox, turn
        self.program = compile_resting(1, cooldown)
        self.ends: dict[tuple[str, str], int] = {}
        self.runs: list[RecordedRun] = []

    def say(self, second: int, contact_id: int = 4) -> None:
        asked = self.turn("hello", message_id=len(self.runs) + 1, contact_id=contact_id, chat_id=contact_id)
        asked = replace(asked, now=asked.now + second * 1000, cooldowns=dict(self.ends))
        (ending,) = Runtime(self.sandbox).run_many([RunRequest(self.program, asked)])
        outcome = ending.result(20) if isinstance(ending, Future) else ending
        self.ends |= {
            (each.command_id, each.scope): each.until for each in outcome.effects if isinstance(each, Cool)
        }
        bare = replace(asked, now=0, seed=0, cooldowns={})
        made = (1, outcome.command_id, outcome.digest, outcome.micros, outcome.trace)
        self.runs.append(RecordedRun(bare, outcome.journal, outcome.status, *made))

    def rehearse(self, cooldown: dict[str, Any] | None, since: int = 0) -> list[Comparison]:
        draft = compile_resting(0, cooldown)
        rehearsal = Rehearsal(draft, {1: self.program}.get, Runtime(self.sandbox))
        return [each for run in self.runs[since:] for each in rehearsal.run([run])]


def compile_resting(number: int, cooldown: dict[str, Any] | None) -> Program:
    command = {
        "id": "c1", "name": "run", "trigger": {"kind": "fallback"}, "restrict": {"cooldown": cooldown},
        "action": {"kind": "reply", "template": "Hi"},
    }  # fmt: skip
    return compile_program(number, 1, {"brain": "b", "title": "B", "commands": [command]})


def list_statuses(compared: list[Comparison]) -> list[tuple[str, str]]:
    return [(each.before.status, each.after.status) for each in compared]


def test_a_draft_rests_by_its_own_cooldown_and_its_own_runs(sandbox: Any, turn: Any):
    chats = RecordedCooldowns(sandbox, turn, {"per": "contact", "seconds": 60})
    for second in (0, 30, 61, 130):
        chats.say(second)
    longer = chats.rehearse({"per": "contact", "seconds": 100})
    assert list_statuses(longer) == [
        ("answered", "answered"), ("silent", "silent"), ("answered", "silent"), ("answered", "answered"),
    ]  # fmt: skip
    assert longer[2].after.why == "“run” rests for 39 s more"
    assert [each.kind for each in chats.rehearse({"per": "contact", "seconds": 60})] == ["same"] * 4
    without = list_statuses(chats.rehearse(None))
    assert [after for _, after in without] == ["answered"] * 4


def test_a_draft_with_a_new_cooldown_rests_after_its_first_answer_for_whom_it_says(sandbox: Any, turn: Any):
    chats = RecordedCooldowns(sandbox, turn, None)
    for second, contact_id in ((0, 4), (10, 5), (20, 4), (90, 5)):
        chats.say(second, contact_id)
    each = list_statuses(chats.rehearse({"per": "contact", "seconds": 60}))
    everybody = list_statuses(chats.rehearse({"per": "brain", "seconds": 60}))
    assert [after for _, after in each] == ["answered", "answered", "silent", "answered"]
    assert [after for _, after in everybody] == ["answered", "silent", "silent", "answered"]


def test_a_run_before_the_first_message_counts_with_the_seconds_of_the_draft(sandbox: Any, turn: Any):
    chats = RecordedCooldowns(sandbox, turn, {"per": "contact", "seconds": 60})
    for second in (0, 20, 50):
        chats.say(second)
    shorter = chats.rehearse({"per": "contact", "seconds": 40}, since=1)
    assert [after for _, after in list_statuses(shorter)] == ["silent", "answered"]
    # Whoever made all of them rest is not known.
    everybody = RecordedCooldowns(sandbox, turn, {"per": "brain", "seconds": 60})
    everybody.say(0)
    everybody.say(20, 5)
    assert list_statuses(everybody.rehearse({"per": "contact", "seconds": 60}, since=1)) == [
        ("silent", "answered")
    ]
