"""Messages added to a draft's intents: each wording once, within the bounds, duplicates named, nothing else touched."""

import random

import pytest

from app.brains import limits
from app.brains.document.edits.added_examples import (
    IntentEditRefused,
    add_examples,
    add_not_intents,
    list_known_keys,
)
from app.brains.nlu.normalise import build_key

INTENTS = [
    {"name": "refund", "examples": ["refund please"], "description": "Money"},
    {"name": "hours", "examples": ["when are you open"], "entities": []},
]


def test_examples_are_added_to_an_intent_and_duplicates_named():
    found = add_examples(
        INTENTS, "refund", ["my money back", "Refund, please!", "WHEN are you open?", " my money back "]
    )
    assert found.added == ("my money back",)
    assert found.duplicates == (
        ("Refund, please!", "refund"),
        ("WHEN are you open?", "hours"),
        ("my money back", "refund"),
    )
    assert found.intents == [
        {"name": "refund", "examples": ["refund please", "my money back"], "description": "Money"},
        INTENTS[1],
    ]
    assert INTENTS[0]["examples"] == ["refund please"]


def test_a_new_intent_is_made():
    found = add_examples(INTENTS, "parrot", ["polly"])
    assert found.intents == [*INTENTS, {"name": "parrot", "examples": ["polly"]}]


def test_a_new_intent_of_duplicates_alone_is_not_made():
    assert add_examples(INTENTS, "parrot", ["refund please"]).intents == INTENTS


@pytest.mark.parametrize(
    ("intents", "name", "texts", "message"),
    [
        (INTENTS, "Refund", ["a"], "Write the name in small letters"),
        (
            [{"name": f"i{n}", "examples": [f"e{n}"]} for n in range(limits.INTENTS)],
            "more",
            ["a"],
            "at most 100 intents",
        ),
        (
            [{"name": "a", "examples": [f"e{n}" for n in range(limits.INTENT_EXAMPLES)]}],
            "a",
            ["x"],
            "no room",
        ),
        (INTENTS, "refund", ["", " …!"], "messages that have words"),
        (INTENTS, "refund", [], "messages that have words"),
    ],
)
def test_what_the_bounds_forbid_is_refused(
    intents: list[dict[str, object]], name: str, texts: list[str], message: str
):
    with pytest.raises(IntentEditRefused, match=message):
        add_examples(intents, name, texts)


def test_what_there_is_no_room_for_is_left_out():
    intents = [{"name": "a", "examples": [f"e{n}" for n in range(limits.INTENT_EXAMPLES - 1)]}]
    found = add_examples(intents, "a", ["one", "two"])
    assert (found.added, found.left_out) == (("one",), ("two",))
    full = [{"name": f"i{n}", "examples": [f"e {n} {k}" for k in range(100)]} for n in range(50)]
    with pytest.raises(IntentEditRefused, match="5,000"):
        add_examples(full, "i1", ["one"])


def test_texts_that_mean_no_intent_are_added_once():
    draft = {"intents": INTENTS, "not_intents": ["hello there"]}
    found = add_not_intents(draft, ["Hello there!", "refund please", "nice weather"])
    assert found.added == ("nice weather",)
    assert found.duplicates == (("Hello there!", ""), ("refund please", "refund"))
    with pytest.raises(IntentEditRefused, match="At most 200"):
        add_not_intents({"not_intents": [f"e{n}" for n in range(limits.NOT_INTENTS)]}, ["one"])


def test_many_random_edits_keep_every_wording_once_and_every_bound():
    chance = random.Random(5)
    words = ["refund", "open", "order", "parrot", "late", "ship", "€", "Ünder", "x" * 600]
    intents: list[dict[str, object]] = []
    for _ in range(100):
        texts = [" ".join(chance.choices(words, k=chance.randint(1, 4))) for _ in range(chance.randint(1, 6))]
        try:
            intents = add_examples(intents, f"i{chance.randint(0, 120)}", texts).intents
        except IntentEditRefused:
            continue
        examples = [text for each in intents for text in each["examples"]]  # type: ignore[attr-defined]
        keys = [build_key(text) for text in examples]
        assert len(set(keys)) == len(keys)
        assert set(keys) == list_known_keys({"intents": intents})
        assert all(0 < len(text) <= limits.EXAMPLE_CHARS for text in examples)
        assert len(intents) <= limits.INTENTS
