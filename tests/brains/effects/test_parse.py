import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains import limits
from app.brains.effects.model import (
    Button,
    Cancel,
    Effect,
    Forget,
    Handoff,
    Increment,
    Media,
    Menu,
    React,
    Remember,
    Reply,
    Row,
    Schedule,
    Section,
    dump_effects,
)
from app.brains.effects.parse import Rules, read_effects, read_overlay, read_reads
from app.brains.effects.untrusted import BadEffect, clean
from app.text import to_json

NOW = 1_767_268_800_000
ALL = frozenset({"memory", "media", "schedule", "http", "ai"})
RULES = Rules(NOW, ALL, {"remind me": "c7"}, {0: (Reply("inner"), React("👍")), 1: ()})


def read(*fx: Any, rules=RULES):
    return read_effects(list(fx), rules)


def build_reply(**fields: Any):
    return ["reply", {"text": "hi", **fields}]


def test_every_effect_is_read_in_order():
    assert read(
        ["reply", {"text": " hi "}],
        ["media", {"kind": "image", "link": "https://a.test/b.png", "caption": "c"}],
        ["react", {"emoji": "🎉"}],
        ["set", "contact", "points", {"a": [1, 2.5, None, True]}, 60],
        ["set", "chat", "old", None, None],
        ["incr", "brain", "n", -2, None],
        ["del", "contact", "k"],
        ["schedule", {"command": "Remind ME", "due": NOW / 1000 + 5, "args": {"x": 1}, "name": "r"}],
        ["cancel", "r"],
        ["handoff", {"reason": "angry"}],
    ) == (
        Reply("hi"),
        Media("image", "https://a.test/b.png", "c"),
        React("🎉"),
        Remember("contact", "points", {"a": [1, 2.5, None, True]}, 60),
        Forget("chat", "old"),
        Increment("brain", "n", -2),
        Forget("contact", "k"),
        Schedule("c7", NOW + 5000, {"x": 1}, "r"),
        Cancel("r"),
        Handoff("angry"),
    )


def test_a_reply_has_buttons_or_a_list_with_margins():
    assert read(build_reply(buttons=[{"id": "y", "title": "Yes"}], quote=True, header="h", footer="f")) == (
        Reply("hi", (Button("y", "Yes"),), quote=True, header="h", footer="f"),
    )
    sections = [
        {"title": "A", "rows": [{"id": "1", "title": "One", "description": "d"}]},
        {"title": "B", "rows": [{"id": "2", "title": "Two"}]},
    ]
    menu = Menu("Choose", (Section("A", (Row("1", "One", "d"),)), Section("B", (Row("2", "Two"),))))
    assert read(build_reply(list={"button": "Choose", "sections": sections})) == (Reply("hi", menu=menu),)


def test_effects_of_a_called_command_stand_where_it_was_called():
    assert read(build_reply(), ["called", 0], build_reply(), ["called", 1]) == (
        Reply("hi"),
        Reply("inner"),
        React("👍"),
        Reply("hi"),
    )
    assert read(["called", 5]) == ()  # a call that failed has decided nothing


def build_rows(count, **more: Any):
    return [{"id": str(n), "title": str(n), **more} for n in range(count)]


@pytest.mark.parametrize(
    "fx",
    [
        None,
        {},
        "reply",
        [None],
        [[]],
        [[1]],
        [["nope", {}]],
        [["reply"]],
        [["reply", {"text": ""}]],
        [["reply", {"text": "  "}]],
        [["reply", {"text": 3}]],
        [["reply", {"text": "x" * 4_097}]],
        [["reply", {"text": "hi", "more": 1}]],
        [["reply", {"text": "hi"}, 1]],
        [build_reply(quote=1)],
        [build_reply(link_preview=1)],
        [build_reply(buttons=[{"id": "y", "title": "Yes"}], link_preview=True)],
        [build_reply(header="h")],
        [build_reply(buttons=[])],
        [build_reply(buttons=["Yes"])],
        [build_reply(buttons=[{"id": "y", "title": "x" * 21}])],
        [build_reply(buttons=[{"id": "y", "title": "a"}] * 2)],
        [build_reply(buttons=build_rows(4))],
        [build_reply(text="x" * 1_025, buttons=build_rows(1))],
        [build_reply(list={"button": "b", "sections": []})],
        [build_reply(list={"button": "b", "sections": [{"rows": build_rows(11)}]})],
        [
            build_reply(
                list={
                    "button": "b",
                    "sections": [{"rows": build_rows(6)}, {"title": "t", "rows": build_rows(1)}],
                }
            )
        ],
        [
            build_reply(
                list={
                    "button": "b",
                    "sections": [
                        {"title": "a", "rows": build_rows(6)},
                        {"title": "b", "rows": build_rows(5)},
                    ],
                }
            )
        ],
        [build_reply(list={"button": "b", "sections": [{"rows": build_rows(1, description="x" * 73)}]})],
        [build_reply(list={"sections": [{"rows": build_rows(1)}]})],
        [build_reply(list={"button": "b", "sections": [{"rows": build_rows(1)}]}, buttons=build_rows(1))],
        [["media", {"kind": "virus", "link": "https://a.test"}]],
        [["media", {"kind": "image", "link": "http://a.test"}]],
        [["media", {"kind": "image", "link": "https://a.test/a b"}]],
        [["media", {"kind": "image"}]],
        [["react", {"emoji": "x" * 33}]],
        [["set", "world", "k", 1, None]],
        [["set", ["contact"], "k", 1, None]],
        [["set", "contact", "", 1, None]],
        [["set", "contact", "k" * 101, 1, None]],
        [["set", "contact", "k", math.nan, None]],
        [["set", "contact", "k", [math.inf], None]],
        [["set", "contact", "k", 2**63, None]],
        [["set", "contact", "k", "x" * 17_000, None]],
        [["set", "contact", "k", 1, 0]],
        [["set", "contact", "k", 1, "1"]],
        [["set", "contact", "k", 1, limits.MEMORY_SECONDS + 1]],
        [["set", "contact", "k", 1]],
        [["incr", "contact", "k", "1", None]],
        [["incr", "contact", "k", True, None]],
        [["incr", "contact", "k", math.nan, None]],
        [["del", "contact"]],
        [["schedule", {"command": "nobody", "due": 1}]],
        [["schedule", {"command": "remind me", "due": "soon"}]],
        [["schedule", {"command": "remind me", "due": math.inf}]],
        [["schedule", {"command": "remind me", "due": NOW / 1000 + 367 * 86_400}]],
        [["schedule", {"command": "remind me", "due": 1, "args": []}]],
        [["schedule", {"command": "remind me", "due": 1, "args": {"x": "x" * 5_000}}]],
        [["cancel", ""]],
        [["cancel"]],
        [["handoff", {"reason": "x" * 201}]],
        [["called", "0"]],
        [["called", True]],
        [["called", 0], ["called", 0]],
        [build_reply()] * 33,
        [["called", 0], *[build_reply()] * 31],
    ],
)
def test_what_does_not_fit_is_refused_in_words(fx):
    with pytest.raises(BadEffect) as caught:
        read_effects(fx, RULES)
    assert str(caught.value)[0].isupper() or str(caught.value).startswith("ttl")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("grant", "entry"),
    [
        ("memory", ["set", "contact", "k", 1, None]),
        ("memory", ["incr", "contact", "k", 1, None]),
        ("memory", ["del", "contact", "k"]),
        ("media", ["media", {"kind": "image", "link": "https://a.test"}]),
        ("schedule", ["schedule", {"command": "remind me", "due": 1}]),
        ("schedule", ["cancel", "x"]),
    ],
)
def test_an_effect_without_its_grant_is_refused(grant, entry):
    assert read(entry)
    with pytest.raises(BadEffect, match=grant):
        read(entry, rules=Rules(NOW, ALL - {grant}, RULES.commands))


def test_a_command_due_in_the_past_is_due_now():
    assert read(["schedule", {"command": "remind me", "due": 1}]) == (Schedule("c7", NOW),)


def test_texts_come_out_storable():
    assert clean({"a\0": ["\ud800x", 1]}) == {"a\ufffd": ["?x", 1]}
    assert read(["reply", {"text": "a\0b\ud800"}]) == (Reply("a\ufffdb?"),)


def test_a_value_nested_too_deeply_is_refused():
    value = 1
    for _ in range(21):
        value = [value]
    with pytest.raises(BadEffect, match="nested"):
        clean(value)


def test_reads_are_pairs_each_once():
    assert read_reads([["contact", "a"], ["brain", "b"], ["contact", "a"]]) == (
        ("contact", "a"),
        ("brain", "b"),
    )
    for wrong in (None, [1], [["contact"]], [["world", "a"]], [["contact", 1]]):
        with pytest.raises(BadEffect):
            read_reads(wrong)


def test_an_overlay_is_scopes_of_entries():
    assert read_overlay({"contact": {"a": 1, "b": None}}) == {"contact": {"a": 1, "b": None}}
    for wrong in (None, {"contact": 1}, {"world": {}}, {"contact": {"a": math.nan}}):
        with pytest.raises(BadEffect):
            read_overlay(wrong)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    )
)
def test_anything_is_read_or_refused_and_what_is_read_can_be_stored(value):
    for fx in (
        value,
        [value],
        [["reply", value]],
        [["set", "contact", "k", value, None]],
        [["media", value]],
    ):
        try:
            found = read_effects(fx, RULES)
        except BadEffect:
            continue
        assert all(isinstance(effect, Effect) for effect in found)
        text = to_json(dump_effects(found))
        assert "\\u0000" not in text
        assert json.loads(text, parse_constant=pytest.fail) == dump_effects(found)
