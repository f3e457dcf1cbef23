"""What differs between two documents, and who made each command what it is."""

from copy import deepcopy
from typing import Any

import pytest

from app.brains.document.diff import (
    GONE,
    NEW,
    SAME,
    SKIPPED,
    Difference,
    Segment,
    blame,
    compare,
    compare_texts,
    shorten,
)
from app.brains.document.gallery import build_demo_document


def build_command(name: str, template: str = "x", **more: Any) -> dict[str, Any]:
    trigger = {"kind": "exact", "texts": [name]}
    return {
        "id": name,
        "name": name,
        "trigger": trigger,
        "action": {"kind": "reply", "template": template},
        **more,
    }


def build_document(*commands: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"brain": "b", "title": "B", "commands": list(commands), **more}


def test_equal_documents_do_not_differ_whether_defaults_are_written_or_not():
    demo = {**build_demo_document(), "brain": "demo", "title": "Demo"}
    assert not compare(demo, deepcopy(demo))
    assert (
        compare(build_document(build_command("a", enabled=True)), build_document(build_command("a")))
        == Difference()
    )


def test_commands_are_matched_by_id_and_their_words_compared():
    old = build_document(build_command("a", "Good morning to you"), build_command("b"))
    renamed = {**build_command("a", "Good evening to you"), "name": "Greeting"}
    (part,) = compare(old, build_document(renamed, build_command("b"))).parts
    assert (part.section, part.key, part.name, part.kind, part.moved) == (
        "commands",
        "a",
        "Greeting",
        "changed",
        None,
    )
    fields = {field.path: field for field in part.fields}
    assert fields.keys() == {"name", "action.template"}
    assert fields["action.template"].segments == [
        Segment(SAME, "Good "), Segment(GONE, "morning"), Segment(NEW, "evening"), Segment(SAME, " to you"),
    ]  # fmt: skip


def test_added_and_removed_commands_are_told_with_what_they_hold():
    found = compare(build_document(build_command("a")), build_document(build_command("b", "new")))
    assert [(part.key, part.kind) for part in found.parts] == [("b", "added"), ("a", "removed")]
    assert ("action.template", None, "new") in [(f.path, f.old, f.new) for f in found.parts[0].fields]
    assert ("action.template", "x", None) in [(f.path, f.old, f.new) for f in found.parts[1].fields]


def test_only_what_was_moved_counts_as_moved():
    names = ["a", "b", "c", "d", "e"]
    old = build_document(*map(build_command, names))
    found = compare(old, build_document(*map(build_command, ["e", "a", "b", "c", "d"])))
    assert [(part.key, part.kind, part.moved) for part in found.parts] == [("e", "moved", (5, 1))]
    found = compare(old, build_document(*map(build_command, ["b", "c", "d", "e"])))
    assert [(part.key, part.kind) for part in found.parts] == [("a", "removed")]


def test_settings_grants_and_groups_are_compared():
    new = build_document(
        build_command("a"), title="Better", settings={"prefixes": ["!", "/"]}, groups=[{"name": "Team"}],
        grants={"http": {"allow": ["api.example.com"]}},
    )  # fmt: skip
    found = compare(build_document(build_command("a")), new)
    assert {(f.path, f.old, f.new) for f in found.fields} == {
        ("title", "B", "Better"),
        ("settings.prefixes", None, "!\n/"),
        ("grants.http.allow", None, "api.example.com"),
    }
    assert [(part.section, part.name, part.kind) for part in found.parts] == [("groups", "Team", "added")]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"commands": None},
        {"commands": "x"},
        {"commands": [1, {"id": []}]},
        {"commands": [{}, {}], "x": {"y": [[1], {}]}},
    ],
)
def test_drafts_with_problems_can_be_compared(broken: dict[str, Any]):
    assert compare(broken, build_document(build_command("a")))
    assert compare(build_document(build_command("a")), broken)
    assert not compare(broken, deepcopy(broken))
    assert blame(broken, [(1, broken)]).keys() <= {"[]", "None"}


def test_lines_that_did_not_change_are_left_out_of_long_texts():
    lines = [f"line {n}\n" for n in range(30)]
    pieces = shorten(compare_texts("".join(lines), "".join([*lines[:15], "other\n", *lines[16:]])))
    assert [piece.kind for piece in pieces] == [SKIPPED, SAME, GONE, NEW, SAME, SKIPPED]
    assert [piece.text for piece in pieces if piece.kind == SKIPPED] == ["13", "13"]
    assert shorten(compare_texts("same\n" * 40, "same\n" * 40)) == [Segment(SAME, "same\n" * 40)]
    assert compare_texts("", "") == []
    assert compare_texts("", "new") == [Segment(NEW, "new")]


def test_what_is_put_together_again_is_both_texts():
    old, new = "a b\nc  d\n\nx" * 50, "a  b\nc d e\n\ny" * 50
    pieces = compare_texts(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != NEW) == old
    assert "".join(piece.text for piece in pieces if piece.kind != GONE) == new


def test_a_stretch_that_changed_altogether_is_not_compared_word_by_word():
    old, new = " ".join(map(str, range(4000))), " ".join(map(str, range(9000, 4000, -1)))
    assert compare_texts(old, new) == [Segment(GONE, old), Segment(NEW, new)]


def test_blame_names_the_version_that_changed_a_command_last():
    first = build_document(build_command("a"), build_command("b"), build_command("c"))
    second = build_document(build_command("a", "y"), build_command("b"))
    third = build_document(build_command("a", "y"), build_command("b"), build_command("c"))
    draft = build_document(
        build_command("a", "y"), build_command("b", "draft"), build_command("c"), build_command("d")
    )
    history = [(3, third), (2, second), (1, first)]
    assert blame(draft, history) == {"a": 2, "c": 3}
    assert blame(third, history) == {"a": 2, "b": 1, "c": 3}
    assert blame(third, []) == {}


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("I did not understand", "We are open Mon-Sat", [GONE, NEW]),
        ("Hello there, my friend", "Hello there, my dear friend", [SAME, NEW, SAME]),
        ("one\nI did not understand\ntwo", "one\nWe are open\ntwo", [SAME, GONE, NEW, SAME]),
        ("ja", "nein", [GONE, NEW]),
    ],
)
def test_words_of_unlike_texts_are_not_mixed(old: str, new: str, kinds: list[str]):
    assert [piece.kind for piece in compare_texts(old, new)] == kinds


def test_an_unfinished_command_makes_no_default_a_difference():
    command = {"id": "a", "name": "A", "trigger": {"kind": "command", "words": ["a"]}}
    done = {**command, "action": {"kind": "reply", "template": "Hi"}}
    old = {"brain": "b", "title": "B", "commands": [done]}
    new = {**old, "settings": {"timezone": "UTC"}, "commands": [done, {**command, "id": "c", "name": "C"}]}
    found = compare(old, new)
    assert found.fields == ()
    assert [(part.key, part.kind) for part in found.parts] == [("c", "added")]
