"""Edits of intents in a draft, right or wrong: nothing else changes, and what is gone is not guessed."""

from typing import Any

import pytest

from app.brains.document.edits import intent_changes


def build_draft() -> dict[str, Any]:
    return {
        "title": "Shop",
        "commands": [
            {"id": "a", "name": "Where", "trigger": {"kind": "intent", "intent": "order"}},
            {"id": "b", "trigger": {"kind": "exact", "texts": ["order"]}},
            "not a command",
        ],
        "intents": [
            {"name": "order", "examples": ["where is it", "track it", "x" * 300]},
            {"name": "refund", "examples": ["money back"], "description": "Money"},
            "not an intent",
            {"examples": ["no name"]},
        ],
    }


def test_what_has_a_name_is_found_whatever_else_is_wrong():
    draft = build_draft()
    assert [each["name"] for each in intent_changes.list_intents(draft)] == ["order", "refund"]
    assert intent_changes.find_intent(draft, "refund") == draft["intents"][1]
    assert intent_changes.find_intent({"intents": "no list"}, "refund") is None
    assert intent_changes.find_place(draft, "refund") == 1
    assert intent_changes.find_place({}, "refund") == -1
    assert [each["id"] for each in intent_changes.list_using_commands(draft, "order")] == ["a"]
    assert intent_changes.list_examples({"examples": ["a", 1, None]}) == ["a"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("intents.1.examples.0", "refund"),
        ("intents.1", "refund"),
        ("intents.2.name", ""),
        ("intents.9.name", ""),
        ("intents.x", ""),
        ("commands.1", ""),
    ],
)
def test_a_problem_is_led_back_to_its_intent(path: str, name: str):
    assert intent_changes.find_name_by_path(build_draft(), path) == name


def test_a_new_name_is_known_to_the_commands_too():
    draft = intent_changes.rename_intent(build_draft(), "order", "parcel")
    assert draft["commands"][0]["trigger"] == {"kind": "intent", "intent": "parcel"}
    assert draft["commands"][1:] == build_draft()["commands"][1:]
    assert [each["name"] for each in draft["intents"]] == ["parcel", "refund"]


def test_an_example_is_removed_also_by_its_shown_beginning():
    draft = intent_changes.remove_example(build_draft(), "order", "track it")
    assert draft
    draft = intent_changes.remove_example(draft, "order", "x" * intent_changes.SHOWN_CHARS)
    assert draft
    assert draft["intents"][0]["examples"] == ["where is it"]
    assert intent_changes.remove_example(draft, "order", "track it") is None
    assert intent_changes.remove_example(draft, "nothing", "track it") is None


def test_an_example_moves_once():
    draft = intent_changes.move_example(build_draft(), "order", "refund", "track it")
    assert draft
    assert [each["examples"] for each in draft["intents"]] == [
        ["where is it", "x" * 300],
        ["money back", "track it"],
    ]
    again = {**draft, "intents": [{"name": "order", "examples": ["Track it!"]}, draft["intents"][1]]}
    moved = intent_changes.move_example(again, "order", "refund", "Track it!")
    assert moved
    assert moved["intents"][1]["examples"] == ["money back", "track it"], "it was there already"
    assert intent_changes.move_example(draft, "order", "gone", "where is it") is None
    assert intent_changes.move_example(draft, "order", "order", "where is it") is None


def test_repeated_examples_are_named():
    assert intent_changes.list_repeated(["Track it", "track  it!", "other", "👍", "👍"]) == [
        "track  it!",
        "👍",
    ]


def test_an_intent_is_replaced_added_and_removed():
    draft = build_draft()
    new = {"name": "refund", "examples": []}
    assert intent_changes.replace_intent(draft, "refund", new)["intents"][1] == new
    added = intent_changes.replace_intent(draft, "hours", {"name": "hours"})
    assert added["intents"][-1] == {"name": "hours"}
    assert [each["name"] for each in intent_changes.remove_intent(draft, "order")["intents"]] == ["refund"]
