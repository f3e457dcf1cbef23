from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.document.arguments import Argument, format_usage, parse, refuse_surplus, split_token


def argument(name="a", **fields: Any):
    return Argument.model_validate({"name": name, **fields})


@pytest.mark.parametrize(
    ("fields", "text", "value"),
    [
        ({"type": "word"}, "hi there", "hi"),
        ({"type": "word"}, '"hi there" you', "hi there"),
        ({"type": "word"}, "“hi there” you", "hi there"),
        ({"type": "word"}, '"unclosed text', '"unclosed'),
        ({"type": "rest"}, ' say "this"  now ', 'say "this"  now'),
        ({"type": "int"}, "+42", 42),
        ({"type": "int"}, "٣", 3),
        ({"type": "number"}, "1,5", 1.5),
        ({"type": "choice", "choices": ["Small", "Large"]}, "LARGE", "Large"),
        ({"type": "choice", "choices": ["Crème brûlée", "Crème"]}, "crème BRÛLÉE", "Crème brûlée"),
        ({"type": "choice", "choices": ["New", "New  York City"]}, " new york  city now", "New  York City"),
        ({"type": "choice", "choices": ["New", "New York"]}, "new jersey", "New"),
        ({"type": "yes_no"}, "Yes", True),
        ({"type": "yes_no"}, "off", False),
        ({"type": "int", "required": False, "default": 3}, "", 3),
        ({"type": "yes_no", "required": False, "default": True}, "", True),
        ({"type": "word", "required": False}, "", None),
    ],
)
def test_a_text_becomes_a_value(fields, text, value):
    read = parse([argument(**fields)], text)
    assert read.is_complete
    assert read.values == {"a": value}
    assert type(read.values["a"]) is type(value)


@pytest.mark.parametrize(
    ("fields", "text", "words"),
    [
        ({"type": "int"}, "1.5", "a must be a whole number."),
        ({"type": "int"}, "9" * 19, "a must be a whole number."),
        ({"type": "int"}, "³", "a must be a whole number."),
        ({"type": "number"}, "nan", "a must be a number."),
        ({"type": "int", "minimum": 3}, "2", "a must be at least 3."),
        ({"type": "int", "maximum": 3}, "4", "a must be at most 3."),
        ({"type": "rest", "maximum": 3}, "four", "a must have at most 3 characters."),
        ({"type": "choice", "choices": ["S", "L"]}, "M", "a must be one of S, L."),
        ({"type": "yes_no"}, "maybe", "a must be yes or no."),
    ],
)
def test_a_wrong_text_is_explained(fields, text, words):
    read = parse([argument(**fields)], text)
    assert read.problem == words


def test_a_missing_argument_is_named():
    read = parse([argument("a"), argument("b")], "one")
    assert (read.missing, read.values) == ("b", {"a": "one"})


def test_what_is_left_over_is_ignored():
    assert parse([argument("a", type="int")], "1 2 3").values == {"a": 1}


def test_what_is_left_over_is_refused_where_a_command_says_so():
    listed = [argument("a", type="int")]
    assert refuse_surplus(parse(listed, "1 2 3")).problem == "This is too much: “2 3”."
    assert refuse_surplus(parse(listed, "1 " + "x" * 90)).problem == f"This is too much: “{'x' * 60}…”."
    for text in ("1", "", "word"):
        assert refuse_surplus(parse(listed, text)) == parse(listed, text)


def test_usage_marks_what_may_be_left_out():
    listed = [argument("text"), argument("times", required=False)]
    assert format_usage("!echo", listed) == "Usage: !echo <text> [times]"


@given(st.text())
def test_any_text_splits_into_tokens_and_comes_to_an_end(text):
    rest, steps = text, 0
    while rest.strip():
        token, rest = split_token(rest)
        steps += 1
        assert token
        assert token in text
    assert steps <= len(text)


@given(st.text(), st.sampled_from(["word", "int", "number", "yes_no", "rest"]))
def test_any_text_gives_a_value_of_the_right_type_or_a_reason(text, kind):
    read = parse([argument(type=kind)], text)
    if read.is_complete:
        expected = {"word": str, "rest": str, "int": int, "number": float, "yes_no": bool}[kind]
        assert type(read.values["a"]) is expected
    else:
        assert read.missing or read.problem


@given(st.integers(-(10**17), 10**17), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_integers_keep_to_their_bounds(number, low, high):
    if low > high:
        return
    read = parse([argument(type="int", minimum=low, maximum=high)], str(number))
    assert read.is_complete is (low <= number <= high)
