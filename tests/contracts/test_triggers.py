"""Every kind of trigger keeps the seam, and takes any text without failing."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.brains.triggers import KINDS
from app.brains.triggers.contract import Match, TriggerConfig, hear
from app.brains.turn import Sender, Turn

EXAMPLES = {
    "button": {"ids": ["menu", "Yes please"]},
    "command": {"words": ["echo", "Say"]},
    "contains": {"texts": ["hi", "straße"], "whole_word": True},
    "exact": {"texts": ["Hi there"]},
    "fallback": {},
    "regex": {"pattern": r"order (?P<number>\d+)( now)?"},
    "starts_with": {"texts": ["hey", "hey you"]},
}


def config(kind, **changes: Any):
    return KINDS[kind].Config.model_validate({"kind": kind, **EXAMPLES[kind], **changes})


def heard(text, prefixes=("!",), **changes: Any):
    return hear(Turn(1, "text", text, Sender("u"), 1, 0, 0, 0, **changes), prefixes)


def fires(kind, text, **changes: Any):
    return KINDS[kind].match(config(kind, **changes), heard(text))


def test_every_kind_has_an_example_here():
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_keeps_the_seam(kind):
    trigger = KINDS[kind]
    assert trigger.kind == kind
    assert trigger.title
    assert issubclass(trigger.Config, TriggerConfig)
    assert trigger.explain(config(kind)).startswith("waits for ")
    opening = trigger.opening(config(kind), "!")
    assert opening is None or opening


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=300), choice=st.none() | st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_text_matches_or_not_but_never_fails(kind, text, choice):
    said = hear(Turn(1, "text", text, Sender("u"), 1, 0, 0, 0, choice_id=choice), ("!", "/"))
    found = KINDS[kind].match(config(kind), said)
    assert found is None or isinstance(found, Match)


@pytest.mark.parametrize("kind", KINDS)
def test_matching_a_very_long_text_takes_little_time(kind):
    said = heard("hi" * 30_000 + " order " * 9_000)
    started = time.perf_counter()
    KINDS[kind].match(config(kind), said)
    assert time.perf_counter() - started < 0.5


@given(
    st.sampled_from(["echo", "ECHO", "say", "SAY"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])),
)
def test_a_command_word_leaves_the_rest_for_its_arguments(word, rest):
    found = fires("command", f"!{word} {rest}")
    assert found
    assert found.rest == rest.strip()


@pytest.mark.parametrize("text", ["echo hi", "! ", "!", "!echoes", "?echo", "hello !echo"])
def test_other_texts_are_no_command(text):
    assert fires("command", text) is None


def test_the_longest_prefix_wins_and_a_space_may_follow_it():
    assert heard("!!echo hi", ("!", "!!")).word == "echo"
    assert heard("! echo hi").word == "echo"
    assert heard("echo hi", ("",)).word == "echo"


@pytest.mark.parametrize(
    ("kind", "text", "changes", "fired"),
    [
        ("exact", " HI THERE ", {}, True),
        ("exact", "hi there!", {}, False),
        ("exact", "hi there", {"ignore_case": False}, False),
        ("exact", "Hi there", {"ignore_case": False}, True),
        ("exact", "cafe\u0301", {"texts": ["CAFÉ"]}, True),
        ("starts_with", "Hey, you", {}, True),
        ("starts_with", "oh hey", {}, False),
        ("contains", "oh HI!", {}, True),
        ("contains", "this is", {}, False),
        ("contains", "this is", {"whole_word": False}, True),
        ("contains", "this, hi", {}, True),
        ("contains", "die STRASSE", {}, True),
        ("contains", "oh HI", {"ignore_case": False}, False),
        ("regex", "My ORDER 12", {}, True),
        ("regex", "my order", {}, False),
        ("regex", "MY ORDER 12", {"ignore_case": False}, False),
        ("fallback", "", {}, True),
    ],
)
def test_texts_that_fire_and_texts_that_do_not(kind, text, changes, fired):
    assert (fires(kind, text, **changes) is not None) is fired


def test_a_beginning_leaves_the_rest_for_arguments_and_the_longest_wins():
    found = fires("starts_with", "HEY YOU  there")
    assert found
    assert (found.rest, found.text) == ("there", "HEY YOU")


def test_a_pattern_hands_its_captures_on():
    found = fires("regex", "order 12 please")
    assert found
    assert (found.groups, found.named, found.text) == (("12", ""), {"number": "12"}, "order 12")


@pytest.mark.parametrize("pattern", ["(", "a{2000}", r"(?=x)", r"\1", "[z-a]"])
def test_a_pattern_that_cannot_be_read_is_refused_with_a_reason(pattern):
    with pytest.raises(ValueError, match="the pattern cannot be read"):
        config("regex", pattern=pattern)


def test_a_pattern_that_explodes_elsewhere_is_harmless():
    said = heard("a" * 4_000 + "!")
    started = time.perf_counter()
    assert KINDS["regex"].match(config("regex", pattern="(a+)+$"), said) is None
    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize("chosen", [{"choice_id": "MENU"}, {"choice_title": "yes please"}])
def test_a_button_fires_on_its_id_and_on_its_title(chosen):
    assert KINDS["button"].match(config("button"), heard("whatever", **chosen))
    assert KINDS["button"].match(config("button"), heard("menu")) is None
