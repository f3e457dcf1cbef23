import pytest

from app.brains.effects.model import (
    Button,
    Cancel,
    Cool,
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
    load_effect,
)


@pytest.mark.parametrize(
    "effect",
    [
        Reply("a", (Button("1", "One"),), quote=True, header="h", footer="f"),
        Reply("a https://example.com", link_preview=True),
        Reply("a", menu=Menu("Pick", (Section("S", (Row("1", "One", "first"),)),))),
        Media("image", "https://x.example/a.png", "A cat"),
        React("👍"),
        Remember("contact", "k", ["Button", 1, {"a": None}], 60),
        Increment("brain", "n", 2.5),
        Forget("contact", "k"),
        Schedule("c1", 5, {"a": 1}, "later"),
        Cancel("later"),
        Handoff("why"),
        Cool("c1", "contact:1", 9),
    ],
)
def test_an_effect_written_as_data_comes_back(effect: Effect):
    assert load_effect(dump_effects((effect,))[0]) == effect


def test_a_reply_without_a_preview_is_dumped_as_before_there_were_any():
    assert dump_effects([Reply("a")]) == [["Reply", "a", [], False, None, "", ""]]
