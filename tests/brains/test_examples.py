from typing import Any

import pytest

from app.brains.examples import build_example, suggest_messages

ARGUMENTS = [
    {"name": "n", "type": "int"},
    {"name": "sure", "type": "yes_no"},
    {"name": "size", "type": "choice", "choices": ["big"]},
    {"name": "note", "required": False},
]


@pytest.mark.parametrize(
    ("trigger", "example"),
    [
        ({"kind": "command", "words": ["order"]}, "?order 3 yes big"),
        ({"kind": "starts_with", "texts": ["order"]}, "order 3 yes big"),
        ({"kind": "exact", "texts": ["Hi"]}, "Hi"),
        ({"kind": "button", "ids": ["Menu"]}, "Menu"),
        ({"kind": "regex", "pattern": "a+"}, ""),
        ({"kind": "fallback"}, ""),
        ({"kind": "command", "words": []}, ""),
        ({"kind": "gone"}, ""),
        ({}, ""),
    ],
)
def test_an_example_fires_its_command(trigger: dict[str, Any], example: str):
    command = {"trigger": trigger, "arguments": ARGUMENTS}
    assert build_example(command, {"settings": {"prefixes": ["?", "!"]}}) == example


def test_suggestions_are_messages_that_get_an_answer():
    commands = [
        {"trigger": {"kind": "command", "words": ["tea"]}},
        {"trigger": {"kind": "exact", "texts": ["off"]}, "enabled": False},
        {"trigger": {"kind": "button", "ids": ["Menu"]}},
        {"trigger": {"kind": "contains", "texts": ["hello"]}},
        {"trigger": {"kind": "exact", "texts": ["more"]}},
    ]
    assert suggest_messages({"commands": commands}, limit=2) == ["!tea", "hello"]
