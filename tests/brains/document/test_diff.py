"""What differs between two documents, and who made each command what it is."""

from copy import deepcopy
from typing import Any

import pytest

from app.brains.diff import GONE, NEW, SAME, SKIPPED, Difference, Piece, blame, compare, shortened, words
from app.brains.gallery import demo_document


def command(name: str, template: str = "x", **more: Any) -> dict[str, Any]:
    trigger = {"kind": "exact", "texts": [name]}
    return {
        "id": name,
        "name": name,
        "trigger": trigger,
        "action": {"kind": "reply", "template": template},
        **more,
    }


def document(*commands: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"brain": "b", "title": "B", "commands": list(commands), **more}


def test_equal_documents_do_not_differ_whether_defaults_are_written_or_not():
    demo = {**demo_document(), "brain": "demo", "title": "Demo"}
    assert not compare(demo, deepcopy(demo))
    assert compare(document(command("a", enabled=True)), document(command("a"))) == Difference()


def test_commands_are_matched_by_id_and_their_words_compared():
    old = document(command("a", "Good morning to you"), command("b"))
    renamed = {**command("a", "Good evening to you"), "name": "Greeting"}
    (part,) = compare(old, document(renamed, command("b"))).parts
    assert (part.section, part.key, part.name, part.kind, part.moved) == (
        "commands",
        "a",
        "Greeting",
        "changed",
        None,
    )
    fields = {field.path: field for field in part.fields}
    assert fields.keys() == {"name", "action.template"}
    assert fields["action.template"].pieces == [
        Piece(SAME, "Good "), Piece(GONE, "morning"), Piece(NEW, "evening"), Piece(SAME, " to you"),
    ]  # fmt: skip


def test_added_and_removed_commands_are_told_with_what_they_hold():
    found = compare(document(command("a")), document(command("b", "new")))
    assert [(part.key, part.kind) for part in found.parts] == [("b", "added"), ("a", "removed")]
    assert ("action.template", None, "new") in [(f.path, f.old, f.new) for f in found.parts[0].fields]
    assert ("action.template", "x", None) in [(f.path, f.old, f.new) for f in found.parts[1].fields]


def test_only_what_was_moved_counts_as_moved():
    names = ["a", "b", "c", "d", "e"]
    old = document(*map(command, names))
    found = compare(old, document(*map(command, ["e", "a", "b", "c", "d"])))
    assert [(part.key, part.kind, part.moved) for part in found.parts] == [("e", "moved", (5, 1))]
    found = compare(old, document(*map(command, ["b", "c", "d", "e"])))
    assert [(part.key, part.kind) for part in found.parts] == [("a", "removed")]


def test_settings_grants_and_groups_are_compared():
    new = document(
        command("a"), title="Better", settings={"prefixes": ["!", "/"]}, groups=[{"name": "Team"}],
        grants={"http": {"allow": ["api.example.com"]}},
    )  # fmt: skip
    found = compare(document(command("a")), new)
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
    assert compare(broken, document(command("a")))
    assert compare(document(command("a")), broken)
    assert not compare(broken, deepcopy(broken))
    assert blame(broken, [(1, broken)]).keys() <= {"[]", "None"}


def test_lines_that_did_not_change_are_left_out_of_long_texts():
    lines = [f"line {n}\n" for n in range(30)]
    pieces = shortened(words("".join(lines), "".join([*lines[:15], "other\n", *lines[16:]])))
    assert [piece.kind for piece in pieces] == [SKIPPED, SAME, GONE, NEW, SAME, SKIPPED]
    assert [piece.text for piece in pieces if piece.kind == SKIPPED] == ["13", "13"]
    assert shortened(words("same\n" * 40, "same\n" * 40)) == [Piece(SAME, "same\n" * 40)]
    assert words("", "") == []
    assert words("", "new") == [Piece(NEW, "new")]


def test_what_is_put_together_again_is_both_texts():
    old, new = "a b\nc  d\n\nx" * 50, "a  b\nc d e\n\ny" * 50
    pieces = words(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != NEW) == old
    assert "".join(piece.text for piece in pieces if piece.kind != GONE) == new


def test_a_stretch_that_changed_altogether_is_not_compared_word_by_word():
    old, new = " ".join(map(str, range(4000))), " ".join(map(str, range(9000, 4000, -1)))
    assert words(old, new) == [Piece(GONE, old), Piece(NEW, new)]


def test_blame_names_the_version_that_changed_a_command_last():
    first = document(command("a"), command("b"), command("c"))
    second = document(command("a", "y"), command("b"))
    third = document(command("a", "y"), command("b"), command("c"))
    draft = document(command("a", "y"), command("b", "draft"), command("c"), command("d"))
    history = [(3, third), (2, second), (1, first)]
    assert blame(draft, history) == {"a": 2, "c": 3}
    assert blame(third, history) == {"a": 2, "b": 1, "c": 3}
    assert blame(third, []) == {}
