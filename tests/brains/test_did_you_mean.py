"""“Did you mean”: asked where no command is sure, answered by a press once, and done again to the letter."""

from dataclasses import replace
from typing import Any

import pytest

from app.brains.did_you_mean import cut_title, take_out_question
from app.brains.document.understanding import train_draft
from app.brains.effects.model import Forget, Remember, Reply
from app.brains.memory.overlay import QUESTION_KEY
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.rehearsal import SAME, RecordedRun, Rehearsal
from app.brains.runtime.replay import replay
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.trace import Cause
from app.brains.turn import Sender, Turn, Understanding
from tests.brains.nlu.conftest import EXAMPLES

AT = 1_767_603_600_000  # Monday, 5 January 2026, 9:00 UTC
TEXT = "the refund of 12 for my order on Friday"
UNSURE = Understanding((("refund", 0.5), ("order_status", 0.4)), 0.9, "words", "m" * 64, "en")
TEMPLATE = (
    "Refund {{ match.entities.amount }} by {{ match.entities.day }}: {{ message.text }} ({{ message.kind }})"
)


def build_document(**settings: Any) -> dict[str, Any]:
    commands = [
        ("refund", "Money back for a return", {"kind": "intent", "intent": "refund"}, TEMPLATE),
        ("order", "Order status", {"kind": "intent", "intent": "order_status"}, "On its way"),
        ("secret", "Never asked for", {"kind": "exact", "texts": ["xyzzy"]}, "Secret"),
        ("other", "Anything else", {"kind": "fallback"}, "Default reply to {{ message.text }}"),
    ]
    asked = {"languages": {"es": {"question": "¿Quiso decir esto?", "titles": {"refund": "Devolver"}}}}
    return {
        "brain": "b",
        "title": "B",
        "settings": {"encoder": "none", "did_you_mean": asked, **settings},
        "commands": [
            {"id": name, "name": title, "trigger": trigger, "action": {"kind": "reply", "template": text}}
            for name, title, trigger, text in commands
        ],
        "intents": [
            {
                "name": name,
                "examples": examples,
                "entities": [{"name": "amount", "kind": "number"}, {"name": "day", "kind": "date"}],
            }
            for name, examples in EXAMPLES.items()
        ],
    }


def compile_document(document: dict[str, Any]) -> Program:
    return compile_program(5, 1, document, train_draft)


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_document(build_document())


def build_turn(text: str = TEXT, **more: Any) -> Turn:
    fields = {"seed": 7, "understanding": UNSURE, **more}
    return Turn(1, "text", text, Sender("u", "Ada"), 1, AT, AT, **fields)


def build_press(button: str, memory: Any, **more: Any) -> Turn:
    fields = {"seed": 8, "choice_id": button, "choice_title": "x", "memory": memory, **more}
    return Turn(2, "button", "x", Sender("u", "Ada"), 1, AT + 60_000, AT + 60_000, **fields)


def run(program: Program, sandbox: Any, turn: Turn) -> Outcome:
    (outcome,) = Runtime(sandbox).run_many([RunRequest(program, turn)])
    assert isinstance(outcome, Outcome)
    return outcome


def ask(program: Program, sandbox: Any, **more: Any) -> tuple[Reply, dict[str, Any]]:
    """Return the question and the variables its chat has afterwards."""
    asked = run(program, sandbox, build_turn(**more))
    reply, kept = asked.effects
    assert isinstance(reply, Reply)
    assert isinstance(kept, Remember)
    return reply, {"chat": {QUESTION_KEY: kept.value, "own": 1}, "contact": {}, "brain": {}}


def test_an_unsure_message_is_asked_about(program: Program, sandbox: Any):
    asked = run(program, sandbox, build_turn())
    reply, kept = asked.effects
    assert isinstance(reply, Reply)
    assert reply.text == "Did you mean one of these?"
    assert [each.title for each in reply.buttons] == ["Money back for a…", "Order status", "None of these"]
    assert isinstance(kept, Remember)
    assert (kept.scope, kept.key, kept.ttl) == ("chat", QUESTION_KEY, 600)
    assert (asked.status, asked.command_id, asked.trace.cause) == ("answered", None, Cause.ASKED_BACK)
    assert asked.trace.reason == "asked back: “Money back for a return” or “Order status”?"
    assert asked.journal.get("asked") == ["refund", "order_status"]


def test_it_is_asked_in_the_language_of_the_message(program: Program, sandbox: Any):
    reply, _ = ask(program, sandbox, understanding=replace(UNSURE, language="es"))
    assert reply.text == "¿Quiso decir esto?"
    assert [each.title for each in reply.buttons] == ["Devolver", "Order status", "None of these"]


def test_a_press_runs_the_command_with_the_original_message(program: Program, sandbox: Any):
    reply, memory = ask(program, sandbox)
    outcome = run(program, sandbox, build_press(reply.buttons[0].id, memory))
    answer, settled = outcome.effects
    assert answer == Reply(f"Refund 12 by 2026-01-09: {TEXT} (text)")
    assert settled == Forget("chat", QUESTION_KEY)
    assert outcome.command_id == "refund"
    assert outcome.trace.considered[-1]["why"] == "confirmed: “Money back for a return”"
    assert outcome.journal.get("answer") == "refund"
    assert outcome.journal.get("question", {}).get("text") == TEXT


def test_the_second_one_offered_may_be_meant(program: Program, sandbox: Any):
    reply, memory = ask(program, sandbox)
    assert run(program, sandbox, build_press(reply.buttons[1].id, memory)).command_id == "order"


def test_none_of_these_is_answered_by_the_default_reply(program: Program, sandbox: Any):
    reply, memory = ask(program, sandbox)
    outcome = run(program, sandbox, build_press(reply.buttons[2].id, memory))
    assert outcome.effects == (Reply(f"Default reply to {TEXT}"), Forget("chat", QUESTION_KEY))
    assert outcome.journal.get("answer") == ""
    assert outcome.trace.considered[-1]["why"].startswith("refused:")


def test_without_a_default_reply_none_of_these_has_a_text(sandbox: Any):
    document = build_document()
    document["commands"] = document["commands"][:3]
    program = compile_document(document)
    reply, memory = ask(program, sandbox)
    outcome = run(program, sandbox, build_press(reply.buttons[2].id, memory))
    assert outcome.effects == (Reply("Please say it in other words."), Forget("chat", QUESTION_KEY))
    assert outcome.trace.cause == Cause.REFUSED


@pytest.mark.parametrize(
    "button",
    [
        "did-you-mean:7:en:talk_to_person",  # never offered
        "did-you-mean:6:en:refund",  # another question
        "did-you-mean:7:en:secret",
        "did-you-mean:7:en:xyzzy",
    ],
)
def test_a_forged_press_runs_nothing(program: Program, sandbox: Any, button: str):
    _, memory = ask(program, sandbox)
    outcome = run(program, sandbox, build_press(button, memory))
    assert outcome.effects == (Reply("That was a while ago. Please write it again."),)
    assert outcome.trace.cause == Cause.TOO_LATE
    assert "answer" not in outcome.journal


def test_a_press_without_an_open_question_comes_too_late(program: Program, sandbox: Any):
    reply, _ = ask(program, sandbox)
    outcome = run(program, sandbox, build_press(reply.buttons[0].id, {}))
    assert outcome.trace.cause == Cause.TOO_LATE


@pytest.mark.parametrize("kept", [None, 1, "x", [], {}, {"id": "7", "text": 1}, {"id": "7", "intents": "x"}])
def test_what_a_script_put_in_its_place_is_no_question(program: Program, sandbox: Any, kept: Any):
    press = build_press("did-you-mean:7:en:refund", {"chat": {QUESTION_KEY: kept}})
    assert run(program, sandbox, press).trace.cause == Cause.TOO_LATE


@pytest.mark.parametrize(
    "more",
    [
        {"is_group": True},
        {"text": "!refund"},
        {"understanding": replace(UNSURE, candidates=(("refund", 0.02),))},
        {"understanding": replace(UNSURE, by="untrained")},
        {"understanding": replace(UNSURE, candidates=(("nothing", 0.5), ("refund", 0.4)))},
        {"text": "a" * 5_000},
    ],
)
def test_nobody_is_asked_about_what_is_no_question(program: Program, sandbox: Any, more: dict[str, Any]):
    assert run(program, sandbox, build_turn(**more)).command_id == "other"


def test_it_is_off_unless_it_is_set(sandbox: Any):
    program = compile_document(build_document(did_you_mean=None))
    assert not program.needs_memory
    assert run(program, sandbox, build_turn()).command_id == "other"


def test_both_runs_are_done_again_to_the_letter(program: Program, sandbox: Any):
    asked = run(program, sandbox, build_turn())
    assert replay(program, build_turn(understanding=None), asked.journal, sandbox).digest == asked.digest
    reply, memory = ask(program, sandbox)
    for button in reply.buttons:
        outcome = run(program, sandbox, build_press(button.id, memory))
        again = replay(program, build_press(button.id, {}), outcome.journal, sandbox)
        assert (again.digest, again.effects) == (outcome.digest, outcome.effects)


def test_a_rehearsal_of_the_same_brain_finds_nothing_new(sandbox: Any):
    document = build_document()
    document["commands"][0]["trigger"]["min_confidence"] = 100
    program = compile_document(document)
    turn = build_turn("where would I get a refund of my money", understanding=None)
    asked = run(program, sandbox, turn)
    assert asked.trace.cause == Cause.ASKED_BACK
    reply, kept = asked.effects
    assert isinstance(reply, Reply)
    assert isinstance(kept, Remember)
    press = build_press(reply.buttons[0].id, {"chat": {QUESTION_KEY: kept.value}})
    pressed = run(program, sandbox, press)
    turns = [(turn, asked), (replace(press, memory={}), pressed)]
    recorded = [
        RecordedRun(turn, each.journal, each.status, 5, each.command_id, each.digest, 0, each.trace)
        for turn, each in turns
    ]
    compared = Rehearsal(program, {5: program}.get, Runtime(sandbox)).run(recorded)
    assert [(each.kind, each.notes) for each in compared] == [(SAME, ()), (SAME, ())]


def test_code_does_not_see_the_question(program: Program, sandbox: Any):
    reply, memory = ask(program, sandbox)
    turn = take_out_question(build_press(reply.buttons[2].id, memory))
    assert turn.memory == {"chat": {"own": 1}, "contact": {}, "brain": {}}
    assert turn.question["text"] == TEXT


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Order status", "Order status"),
        ("Talk to a technician", "Talk to a technician"),
        ("Book an appointment with us", "Book an appointment…"),
        ("Donaudampfschifffahrtsgesellschaft", "Donaudampfschifffah…"),
        ("Prices, insurance and more", "Prices, insurance…"),
    ],
)
def test_a_title_is_cut_at_the_end_of_a_word(title: str, shown: str):
    assert cut_title(title) == shown
    assert len(cut_title(title)) <= 20
