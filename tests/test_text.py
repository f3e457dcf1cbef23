"""JSON for columns: the same values as Python's own encoder writes, storable in both databases."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text import MAX_DEPTH, parse_json, to_ascii_json, to_json

TEXTS = st.text(st.characters(exclude_categories=()))  # lone surrogates too
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS | st.integers() | st.none(), inner)
)


class Colour(StrEnum):
    """A text with a name."""

    RED = "red"


@given(VALUES)
def test_both_forms_hold_the_same_value_and_no_character_a_column_refuses(value: object):
    text = to_json(value)
    assert json.loads(text, parse_constant=pytest.fail) == json.loads(to_ascii_json(value))
    assert "\0" not in text
    assert text.encode(), "lone surrogates are escaped"
    assert to_ascii_json(value).isascii()


@pytest.mark.parametrize(
    "value", [[float("nan")], {"a": [None, float("inf")]}, {"a": None}, [2**80], [2**300], {1: None}]
)
def test_what_one_encoder_writes_otherwise_is_written_as_the_other_does(value: object):
    assert to_json(value) == to_ascii_json(value)


def test_letters_beyond_ascii_take_no_more_room_than_they_need():
    assert to_json({"text": "नमस्ते 🙂"}) == '{"text":"नमस्ते 🙂"}'
    assert to_json([Colour.RED, (1, 2)]) == '["red",[1,2]]'


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), {"a", "b"}, b"bytes", object()])
def test_what_is_no_json_is_a_mistake_in_both_forms(value: object):
    for encode in (to_json, to_ascii_json):
        with pytest.raises(TypeError):
            encode([value])


def test_a_record_is_a_mistake_in_both_forms():
    @dataclass
    class Point:
        x: int

    for encode in (to_json, to_ascii_json):
        with pytest.raises(TypeError):
            encode(Point(1))


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 200, 5_000])
def test_parts_nested_too_deep_for_one_encoder_are_written_all_the_same(depth: int):
    value: object = "inner"
    for _ in range(depth):
        value = [value]
    assert parse_json(to_json(value).encode())


NUMERALS = st.from_regex(
    r"\A-?(0|[1-9][0-9]{0,90})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z"
) | st.sampled_from(
    ["NaN", "Infinity", "-Infinity", "-0", "9223372036854775808", "18446744073709551616", "1e309"]
)
QUOTED = TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
JSON_TEXTS = st.recursive(
    NUMERALS | QUOTED | st.sampled_from(["null", "true", "false"]),
    lambda inner: (
        st.lists(inner).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(QUOTED, inner)).map(
            lambda pairs: f"{{{','.join(f'{a}: {b}' for a, b in pairs)}}}"
        )
    ),
)


@given(JSON_TEXTS)
def test_json_is_read_as_python_reads_it_but_for_numbers_no_column_holds(text: str):
    expected = json.loads(
        text,
        strict=False,
        parse_int=lambda digits: int(digits) if len(digits) <= 78 else digits,
        parse_float=lambda digits: float(digits) if math.isfinite(float(digits)) else digits,
        parse_constant=str,
    )
    assert repr(parse_json(text.encode("utf-8", "surrogatepass"))) == repr(expected)
