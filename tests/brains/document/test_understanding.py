"""Understanding at run time: what is asked, what is recorded, and that a run is done again to the letter."""

from typing import Any

import pytest

from app.brains.document.schema import Document
from app.brains.document.understanding import train_draft, train_intents
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.rehearsal import SAME, RecordedRun, Rehearsal
from app.brains.runtime.replay import replay
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.turn import Sender, Turn
from tests.brains.nlu.conftest import EXAMPLES

TEMPLATE = (
    "{{ match.intent }} {{ message.language }} {{ match.entities.amount }} {{ match.candidates[0].intent }}"
)


def build_document(**changes: Any) -> dict[str, Any]:
    commands = [
        ("exact", {"kind": "exact", "texts": ["menu"]}, "The menu"),
        ("refund", {"kind": "intent", "intent": "refund"}, TEMPLATE),
        ("order", {"kind": "intent", "intent": "order_status", "min_confidence": 100}, "Never so sure"),
        ("other", {"kind": "fallback"}, "Nothing"),
    ]
    return {
        "brain": "b",
        "title": "B",
        "settings": {"encoder": "none"},
        "commands": [
            {"id": name, "name": name, "trigger": trigger, "action": {"kind": "reply", "template": text}}
            for name, trigger, text in commands
        ],
        "intents": [
            {"name": name, "examples": examples, "entities": [{"name": "amount", "kind": "number"}]}
            for name, examples in EXAMPLES.items()
        ],
        **changes,
    }


def build_turn(text: str) -> Turn:
    return Turn(1, "text", text, Sender("u", "Ada"), 1, 0, 1_700_000_000_000, 7)


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_program(5, 1, build_document(), train_draft)


def run(program: Program, sandbox: Any, text: str) -> Outcome:
    (outcome,) = Runtime(sandbox).run_many([RunRequest(program, build_turn(text))])
    assert isinstance(outcome, Outcome)
    return outcome


def test_other_words_than_the_examples_run_the_command(program: Program, sandbox: Any):
    outcome = run(program, sandbox, "please may I return these 3 shirts?")
    assert outcome.command_id == "refund"
    assert outcome.effects[0].text == "refund en 3 refund"  # type: ignore[union-attr]
    assert outcome.trace.understanding
    assert outcome.trace.understanding["by"] == "words"
    assert outcome.journal["understanding"]["entities"] == {"amount": 3}
    assert len(outcome.journal["understanding"]["model"]) == 64


def test_no_model_is_asked_before_a_trigger_needs_it(sandbox: Any):
    def find_model(_document: Document) -> None:
        raise AssertionError("asked")

    outcome = run(compile_program(5, 1, build_document(), find_model), sandbox, "menu")
    assert outcome.command_id == "exact"
    assert "understanding" not in outcome.journal


def test_the_least_confidence_of_a_command_counts(program: Program, sandbox: Any):
    assert run(program, sandbox, "tell me where my order might be").command_id == "other"
    assert run(program, sandbox, "where is my order").command_id == "order"


def test_a_run_is_done_again_without_the_model(program: Program, sandbox: Any):
    bare = compile_program(5, 1, build_document())
    for text in ("please may I return these 3 shirts?", "who won the match", "where is my order"):
        outcome = run(program, sandbox, text)
        again = replay(bare, build_turn(text), outcome.journal, sandbox)
        assert (again.digest, again.command_id) == (outcome.digest, outcome.command_id)


def test_a_draft_is_rehearsed_with_its_own_model(program: Program, sandbox: Any):
    text = "please may I return these 3 shirts?"
    outcome = run(program, sandbox, text)
    recorded = RecordedRun(
        build_turn(text),
        outcome.journal,
        outcome.status,
        5,
        outcome.command_id,
        outcome.digest,
        1,
        outcome.trace,
    )
    same, other = program, compile_program(0, 1, build_document(intents=SWAPPED), train_draft)
    kinds = [
        Rehearsal(draft, {5: program}.get, Runtime(sandbox)).run([recorded])[0].kind
        for draft in (same, other)
    ]
    assert kinds == [SAME, "changed"]


SWAPPED = [
    {"name": "refund", "examples": EXAMPLES["opening_hours"]},
    {"name": "order_status", "examples": EXAMPLES["refund"]},
]


def test_a_training_is_named_by_its_intents():
    trained = train_intents(build_document())
    assert trained
    assert trained.report["examples"] == 21
    assert train_intents(build_document(title="Another")) == trained
    assert train_intents({**build_document(), "intents": []}) is None
    assert train_intents({"brain": "!"}) is None
