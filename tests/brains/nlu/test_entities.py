"""Entities: what is found in a message, and that nothing takes long."""

import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.brains.nlu.dates import Moment
from app.brains.nlu.entities import (
    KINDS,
    EntityRule,
    UnreadablePattern,
    compile_pattern,
    find_entities,
    parse_number,
)

NOW = Moment(1_767_603_600_000, ZoneInfo("UTC"), ("en", "es"))
SIZES = {"large": ("grande", "XL"), "small": ("pequeño",)}


def find(kind: str, text: str, **more: Any) -> Any:
    return find_entities(text, [EntityRule("x", kind, SIZES, **more)], NOW)["x"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "I want 3 of them", 3),
        ("number", "costs 1,299.50 now", 1299.5),
        ("number", "costs 1.299,50 now", 1299.5),
        ("number", "٣ please", 3),
        ("number", "-5 degrees", -5),
        ("number", "abc12", ""),
        ("number", "1" + ",111" * 110 + ".5", ""),
        ("number", "card 1,234,567,890,123,456,789 or 7", 7),
        ("money", "€" + "9" * 12 + ",999" * 110 + ".5", ""),
        ("phone", "call +233 20 123 4567 now", "+233201234567"),
        ("phone", "call (020) 1234-567", "0201234567"),
        ("phone", "order 4711", ""),
        ("email", "it is Ann.B@example.com.", "Ann.B@example.com"),
        ("email", "no@mail", ""),
        ("money", "for €12.50 please", {"amount": 12.5, "currency": "EUR"}),
        ("money", "500 rupees only", {"amount": 500, "currency": "INR"}),
        ("money", "R$ 1.299,90", {"amount": 1299.9, "currency": "BRL"}),
        ("money", "GHS 20", {"amount": 20, "currency": "GHS"}),
        ("money", "12 apples", ""),
        ("choice", "a GRANDE one", "large"),
        ("choice", "pequeno o grande", "small"),
        ("choice", "enlarge it", ""),
    ],
)
def test_what_is_found(kind: str, text: str, value: Any):
    assert find(kind, text) == value


def test_a_pattern_finds_its_first_group_or_all_of_it():
    assert find("regex", "order AB-12 now", pattern=r"\b([a-z]{2}-\d+)\b") == "AB-12"
    assert find("regex", "order 12", pattern=r"\d+") == "12"
    with pytest.raises(UnreadablePattern):
        compile_pattern("(")


@pytest.mark.parametrize(
    ("text", "number"), [("1.299", 1299), ("1,5", 1.5), ("0.125", 0.125), ("1.000.000", 1000000)]
)
def test_numbers_are_read_as_people_write_them(text: str, number: float):
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", ["9" * 1_000_000, "1," * 500_000, "a@" * 5_000, "+1 " * 100_000, "$ " * 9_000, "\ufdfa" * 10_000]
)
def test_no_text_takes_long(text: str):
    rules = [EntityRule(kind, kind, SIZES, r"(\d+)+ (a|aa)+$") for kind in KINDS]
    find_entities("tomorrow, mañana", rules, NOW)  # loads what is loaded once
    started = time.perf_counter()
    assert set(find_entities(text, rules, NOW)) == set(KINDS)
    assert time.perf_counter() - started < 0.2


def test_as_many_choices_as_are_allowed_take_no_time_once_they_are_known():
    choices = {f"value {at}": [f"wörding {at} {n}" for n in range(100)] for at in range(100)}
    rules = [EntityRule("x", "choice", choices)]
    find_entities("anything", rules, NOW)
    started = time.perf_counter()
    assert find_entities("the wording 7 99, please", rules, NOW) == {"x": "value 7"}
    assert time.perf_counter() - started < 0.1
