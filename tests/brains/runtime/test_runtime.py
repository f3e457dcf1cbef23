import json
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.brains.document.gallery import build_demo_document
from app.brains.document.validation import InvalidDocument
from app.brains.effects.model import Cool, Increment, React, Reply, build_buttons
from app.brains.runtime.program import compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.selection.command_choice import explain
from app.brains.turn import Sender
from tests.brains.owners import OWNERS

ECHO = {"kind": "command", "words": ["echo"]}
ANY = {"kind": "fallback"}


@pytest.fixture
def run(sandbox, turn):
    """Run one document on one text and return the outcome."""
    runtime = Runtime(sandbox)

    def go(document, text="", **changes: Any):
        program = compile_program(next(OWNERS), 1, document)
        ending = runtime.run_many([RunRequest(program, turn(text, **changes))])[0]
        return ending.result(30) if isinstance(ending, Future) else ending

    return go


def test_the_demo_brain_answers(run):
    demo = build_demo_document()
    assert run(demo, "!echo hi there").effects == (Reply("You said hi there"),)
    assert "Ama" in run(demo, "/hello").effects[0].text
    assert run(demo, "!menu").effects[0].buttons == build_buttons(["Surprise me", "What time is it?"])
    pressed = run(demo, "What time is it?", choice_id="x", choice_title="What time is it?")
    assert pressed.effects == (Reply("It is 12:00 on Thursday, 2026-01-01."),)
    assert "first time" in run(demo, "!count").effects[1].text
    tenth = run(demo, "!count", memory={"contact": {"counted": 9}})
    assert tenth.effects == (Increment("contact", "counted", 1), Reply("That makes 10 times."), React("🎉"))
    assert run(demo, "hm").command_id == "fallback"
    assert run(demo, "hm", is_group=True).status == "silent"


def test_the_first_command_that_fits_wins_and_the_fallback_is_asked_last(run, brain):
    document = brain((ANY, "any"), (ECHO, "first"), (ECHO, "second"))
    assert run(document, "!echo").effects == (Reply("first"),)
    assert run(document, "else").effects == (Reply("any"),)


def test_no_command_means_silence_with_a_reason(run, brain):
    outcome = run(brain((ECHO, "x")), "hello")
    assert (outcome.status, outcome.effects, outcome.command_id) == ("silent", (), None)
    assert outcome.trace.reason == "no command matches this message"
    assert outcome.trace.considered[0]["why"] == "expects the command “echo”"


def test_a_command_that_is_switched_off_says_so(run, brain):
    outcome = run(
        brain({"trigger": ECHO, "action": {"template": "x"}, "enabled": False}, (ANY, "any")), "!echo"
    )
    assert outcome.effects == (Reply("any"),)
    assert outcome.trace.considered[0]["verdict"] == "off"


def test_a_template_sees_the_whole_turn(run, brain):
    template = (
        "{{ message.text }}|{{ message.kind }}|{{ sender.name }}|{{ sender.phone }}|{{ sender.id }}|"
        "{{ chat.id }}|{{ chat.is_group }}|{{ now.iso }}|{{ now.weekday }}|{{ match.groups[0] }}|"
        "{{ match.named.n }}|{{ command.name }}"
    )
    document = brain(({"kind": "regex", "pattern": r"no (?P<n>\d+)"}, template), timezone="Asia/Tokyo")
    assert run(document, "No 42").effects[0].text == (
        "No 42|text|Ama|233201234567|user.1|3|False|2026-01-01T21:00:00+09:00|Thursday|42|42|command 0"
    )


def test_arguments_called_like_methods_of_a_dictionary_are_arguments(run, brain):
    names = ["items", "keys", "values", "get"]
    command = {
        "trigger": ECHO,
        "arguments": [{"name": name} for name in names],
        "action": {"template": "{{ args.items }}{{ args.keys }}{{ args.values }}{{ args.get }}"},
    }
    assert run(brain(command), "!echo a b c d").effects == (Reply("abcd"),)


def test_a_missing_argument_is_answered_with_the_usage(run, brain):
    document = brain(
        {"trigger": ECHO, "arguments": [{"name": "text", "type": "rest"}], "action": {"template": "{{ x }}"}}
    )
    outcome = run(document, "!echo")
    assert (outcome.status, outcome.effects) == ("answered", (Reply("Usage: !echo <text>"),))
    assert outcome.trace.reason == "the argument text is missing"


def test_a_wrong_argument_is_answered_with_the_reason_and_the_usage(run, brain):
    document = brain(
        {"trigger": ECHO, "arguments": [{"name": "n", "type": "int"}], "action": {"template": "x"}}
    )
    assert run(document, "!echo x").effects == (Reply("n must be a whole number.\nUsage: !echo <n>"),)


@pytest.mark.parametrize("text", ["!echo", "!echo x", "!echo 9"])
def test_an_argument_asks_its_own_question_instead_of_the_usage(run, brain, text):
    argument = {"name": "n", "type": "int", "maximum": 5, "ask": "Which number, up to 5?"}
    outcome = run(brain({"trigger": ECHO, "arguments": [argument], "action": {"template": "x"}}), text)
    assert (outcome.status, outcome.effects) == ("answered", (Reply("Which number, up to 5?"),))


def test_the_seed_chooses_the_variant_and_all_get_their_turn(run, brain):
    document = brain((ANY, {"variants": ["a", "b", "c"]}))
    texts = [run(document, seed=seed).effects[0].text for seed in range(60)]
    assert texts == [run(document, seed=seed).effects[0].text for seed in range(60)]
    assert {texts.count(text) > 10 for text in "abc"} == {True}


def test_a_failed_template_fails_with_its_line_and_the_lines_around(run, brain):
    outcome = run(brain((ANY, "one\ntwo {{ sender.nmae }}\nthree\nfour")), "x")
    assert (outcome.status, outcome.effects) == ("failed", ())
    assert outcome.error == "“nmae” is not known here."
    assert "name" in outcome.trace.error["fix"]
    assert outcome.sandbox_error.kind == "error"
    assert outcome.trace.error["line"] == 2
    assert outcome.trace.error["excerpt"] == ["1: one", "2: two {{ sender.nmae }}", "3: three"]


def test_one_failing_turn_leaves_the_others_alone(sandbox, turn, brain):
    good = compile_program(next(OWNERS), 1, brain((ECHO, "{{ message.text }}"), (ANY, "{{ nothing }}")))
    slow = compile_program(
        next(OWNERS),
        2,
        brain((ANY, "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")),
    )
    asked = [(good, "!echo 1"), (slow, "x"), (good, "x"), (good, "!echo 2")]
    jobs = [RunRequest(program, turn(text)) for program, text in asked]
    outcomes = Runtime(sandbox).run_many(jobs)
    assert [outcome.status for outcome in outcomes] == ["answered", "failed", "failed", "answered"]
    assert outcomes[3].effects == (Reply("!echo 2"),)
    assert "250 ms" in (outcomes[1].error or "")


@pytest.mark.parametrize(
    ("restrict", "changes", "reason"),
    [
        ({"chats": "direct"}, {"is_group": True}, "runs in direct chats only"),
        ({"chats": "group"}, {}, "runs in groups only"),
        ({"deny": ["+233 20 123-4567"]}, {}, "is denied to this person"),
        ({"deny": ["user.1"]}, {}, "is denied to this person"),
        ({"allow": ["user.2"]}, {}, "is not allowed to this person"),
        ({"allow": ["233201234567"]}, {}, ""),
        ({"allow": ["user.1"]}, {"sender": Sender("user.1")}, ""),
    ],
)
def test_a_restriction_silences_and_is_named(run, brain, restrict, changes, reason):
    document = brain({"trigger": ECHO, "restrict": restrict, "action": {"template": "yes"}}, (ANY, "any"))
    outcome = run(document, "!echo", **changes)
    assert outcome.status == ("silent" if reason else "answered")
    assert reason in outcome.trace.reason
    assert outcome.command_id == "c0"


@pytest.mark.parametrize(("per", "scope"), [("contact", "contact:7"), ("chat", "chat:3"), ("brain", "brain")])
def test_a_cooldown_is_an_effect_and_holds_until_it_has_passed(run, brain, turn, per, scope):
    rule = {"per": per, "seconds": 10}
    document = brain({"trigger": ECHO, "restrict": {"cooldown": rule}, "action": {"template": "yes"}})
    now = turn().now
    assert run(document, "!echo").effects == (Reply("yes"), Cool("c0", scope, now + 10_000))
    resting = run(document, "!echo", cooldowns={("c0", scope): now + 2_500})
    assert (resting.status, resting.effects) == ("silent", ())
    assert "rests for 3 s more" in resting.trace.reason
    assert run(document, "!echo", cooldowns={("c0", scope): now}).status == "answered"
    assert run(document, "!echo", cooldowns={("other", scope): now + 9_999}).status == "answered"


def test_a_cooldown_may_say_something(run, brain, turn):
    rule = {"seconds": 10, "message": "Slow down, please."}
    document = brain({"trigger": ECHO, "restrict": {"cooldown": rule}, "action": {"template": "yes"}})
    outcome = run(document, "!echo", cooldowns={("c0", "contact:7"): turn().now + 1})
    assert (outcome.status, outcome.effects) == ("answered", (Reply("Slow down, please."),))


def test_a_failed_render_starts_no_cooldown(run, brain):
    document = brain(
        {"trigger": ECHO, "restrict": {"cooldown": {"seconds": 9}}, "action": {"template": "{{ x }}"}}
    )
    assert run(document, "!echo").effects == ()


def test_an_empty_text_is_silence_with_a_reason(run, brain):
    outcome = run(brain((ANY, "{% if false %}x{% endif %}  \n")), "x")
    assert outcome.status == "silent"
    assert "came out empty" in outcome.trace.reason


@pytest.mark.parametrize(
    ("count", "buttons", "status"), [(4096, [], "answered"), (4097, [], "failed"), (1025, ["a"], "failed")]
)
def test_a_text_must_fit_into_a_message(run, brain, count, buttons, status):
    document = brain((ANY, {"template": f"{{{{ 'x' * {count} }}}}", "buttons": buttons}))
    assert run(document, "x").status == status


def test_text_without_template_marks_is_sent_as_it_stands(run, brain):
    outcome = run(brain((ANY, {"template": "100 % plain } text", "quote": True})), "x")
    assert outcome.effects == (Reply("100 % plain } text", (), quote=True),)


def test_a_reply_can_switch_on_the_link_preview_and_not_with_buttons(run, brain):
    action = {"template": "https://example.com", "link_preview": True}
    outcome = run(brain((ANY, action)), "x")
    assert outcome.effects == (Reply("https://example.com", link_preview=True),)
    with pytest.raises(InvalidDocument, match="no link preview above buttons"):
        run(brain((ANY, {**action, "buttons": ["A"]})), "x")


def test_a_long_trace_is_capped_but_counts_all_and_keeps_the_winner(run, brain):
    others = [({"kind": "command", "words": [f"w{n}"]}, "x") for n in range(70)]
    outcome = run(brain(*others, (ANY, "any")), "hello")
    assert outcome.trace.considered_count == 71
    assert len(outcome.trace.considered) == 51
    assert outcome.trace.considered[-1] == {"command": "c70", "verdict": "won", "why": "matches the message"}


def test_a_wrong_document_cannot_be_compiled(brain):
    with pytest.raises(InvalidDocument):
        compile_program(1, 1, brain(({"kind": "nope"}, "x")))


def test_a_program_knows_whether_it_needs_cooldowns(brain):
    assert compile_program(1, 1, brain((ECHO, "x"))).has_cooldowns is False
    cooling = {"trigger": ECHO, "restrict": {"cooldown": {"seconds": 1}}, "action": {"template": "x"}}
    assert compile_program(1, 1, brain(cooling)).has_cooldowns is True


def test_explaining_says_what_each_command_would_do(brain, turn):
    document = brain(
        (ANY, "any"),
        ({"kind": "exact", "texts": ["hi"]}, "no"),
        (ECHO, "yes"),
        (ECHO, "too late"),
        {"trigger": ECHO, "action": {"template": "x"}, "enabled": False},
    )
    listed = explain(compile_program(1, 1, document), turn("!echo"))
    assert [(line.command_id, line.verdict) for line in listed] == [
        ("c1", "lost"),
        ("c2", "won"),
        ("c3", "shadowed"),
        ("c4", "off"),
        ("c0", "shadowed"),
    ]
    assert "“command 2” is checked first" in listed[2].why


@given(text=st.text(max_size=200), seed=st.integers(0, 2**64), name=st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_message_gives_an_outcome_that_can_be_stored(sandbox, turn, text, seed, name):
    program = compile_program(7, 7, build_demo_document())
    outcome = Runtime(sandbox).run_many(
        [RunRequest(program, turn(text, seed=seed, sender=Sender("u", name)))]
    )[0]
    assert outcome.status in {"answered", "silent"}
    json.dumps(outcome.trace.to_json())
    assert all("\0" not in effect.text for effect in outcome.effects if isinstance(effect, Reply))
    for effect in outcome.effects:
        if isinstance(effect, Reply):
            effect.text.encode()


def test_the_same_turn_gives_the_same_outcome_again(run):
    first, second = (run(build_demo_document(), "/hey", seed=5) for _ in range(2))
    volatile = {"micros": 0, "trace": None}
    assert replace(first, **volatile) == replace(second, **volatile)
