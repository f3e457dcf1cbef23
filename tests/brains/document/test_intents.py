"""Intents in the brain file: bounds, errors beside their fields, and conflicts."""

from typing import Any

import pytest

from app.brains import limits
from app.brains.document.intents import build_training_set, find_conflicts
from app.brains.document.schema import Document
from app.brains.document.validation import find_problems

COMMAND = {
    "id": "c",
    "name": "C",
    "trigger": {"kind": "intent", "intent": "order"},
    "action": {"kind": "reply", "template": "x"},
}


def build(*intents: Any) -> dict[str, Any]:
    return {"brain": "b", "title": "B", "commands": [COMMAND], "intents": list(intents)}


def order(**changes: Any) -> dict[str, Any]:
    return {"name": "order", "examples": ["where is it", "track it"], **changes}


def test_a_brain_with_an_intent_is_fine():
    assert find_problems(build(order(entities=[{"name": "n", "kind": "number"}]))) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (build(), "commands.0.trigger.intent"),
        (build(order(name="Order")), "intents.0.name"),
        (build(order(examples=[])), "intents.0.examples"),
        (build(order(examples=["x" * 501])), "intents.0.examples.0"),
        (build(order(examples=["x"] * 201)), "intents.0.examples"),
        (build(order(entities=[{"name": "n", "kind": "colour"}])), "intents.0.entities.0.kind"),
        (build(order(entities=[{"name": "n", "kind": "choice"}])), "intents.0.entities.0"),
        (build(order(entities=[{"name": "n", "kind": "regex", "pattern": "("}])), "intents.0.entities.0"),
        (build(order(entities=[{"name": "n", "kind": "number"}] * 2)), "intents.0"),
        (build(order(surprise=1)), "intents.0.surprise"),
        (build(order(), order()), ""),
    ],
)
def test_a_problem_stands_beside_its_field(document: dict[str, Any], path: str):
    assert path in {each.path for each in find_problems(document)}


def test_all_examples_together_have_a_bound():
    many = [
        order(name=f"i{n}", examples=[f"text {n} {m}" for m in range(limits.INTENT_EXAMPLES)])
        for n in range(1 + limits.INTENT_EXAMPLES_TOTAL // limits.INTENT_EXAMPLES)
    ]
    assert any("5,000 are allowed" in each.message for each in find_problems(build(*many)))


def test_the_training_set_has_the_encoder_of_the_settings():
    document = Document.model_validate(build(order()))
    assert build_training_set(document.intents, "use-multilingual", ()).encoder == "use-multilingual"
    assert build_training_set(document.intents, "none", ()).encoder == ""


def test_equal_examples_of_two_intents_are_a_conflict():
    document = Document.model_validate(build(order(), {"name": "other", "examples": ["Track  IT", "else"]}))
    assert find_conflicts(document.intents) == [(1, 0, "order")]
