"""The list of commands as sections: the order of matching stays true through every move."""

from typing import Any

import pytest

from app.admin.brains import groups
from app.admin.brains.groups import GroupRefused
from app.admin.workbench import command_list, undo
from app.brains import limits


def build_draft(*placed: str, groups: tuple[str, ...] = ("A", "B")) -> dict[str, Any]:
    """Make a draft of commands written as `id` or `id@Group`."""
    commands = []
    for each in placed:
        own, _, group = each.partition("@")
        commands.append({"id": own, "name": own.upper(), "trigger": {"kind": "exact", "texts": [own]}})
        if group:
            commands[-1]["group"] = group
    return {"commands": commands, "groups": [{"name": name} for name in groups]}


def format_commands(commands: list[dict[str, Any]]) -> list[str]:
    """Write commands as `draft` reads them."""
    return [f"{each['id']}@{each['group']}" if each.get("group") else each["id"] for each in commands]


def test_sections_follow_the_order_of_matching_and_empty_groups_come_last():
    found = command_list.build_sections(build_draft("a@A", "b@a", "c", "d@A", groups=("B", "A")))
    assert [(each.group, each.part, each.parts, len(each.rows)) for each in found] == [
        ("A", 1, 2, 2),
        ("", 1, 1, 1),
        ("A", 2, 2, 1),
        ("B", 1, 1, 0),
    ]
    assert [place for each in found for place, _ in each.rows] == [1, 2, 3, 4]


def test_anything_else_has_the_last_place_wherever_it_stands():
    brain = build_draft("a", "b", "c")
    brain["commands"][0]["trigger"] = {"kind": "fallback"}
    assert command_list.compute_match_order(brain["commands"]) == {"a": 3, "b": 1, "c": 2}


def test_a_command_in_a_group_that_nobody_made_is_shown_too():
    assert [each.group for each in command_list.build_sections(build_draft("a@Lost", groups=()))] == ["Lost"]


@pytest.mark.parametrize(
    ("before", "own", "step", "after"),
    [
        ("a b c", "b", -1, "b a c"),
        ("a b c", "b", 1, "a c b"),
        ("a b c", "a", -1, "a b c"),
        ("a@A b@B", "a", 1, "a@B b@B"),  # over the heading first,
        ("a@B b@B", "a", 1, "b@B a@B"),  # then past the command
        ("a@A b", "b", -1, "a@A b@A"),
        ("a@A b@A", "b", 1, "a@A b@B"),  # into the empty group below
        ("a b", "nobody", 1, "a b"),
    ],
)
def test_a_step_does_what_the_list_shows(before: str, own: str, step: int, after: str):
    assert (
        format_commands(command_list.move_command(build_draft(*before.split()), own, step)) == after.split()
    )


@pytest.mark.parametrize(
    ("ids", "before", "group", "after"),
    [
        ("d", "a", "", "d a b@A c@A"),
        ("a d", "c", "A", "b@A a@A d@A c@A"),
        ("a", "", "B", "b@A c@A d a@B"),
        ("a b", "b", "", "a b c@A d"),  # the place itself moves: the next one counts
        ("b c", "", None, "a d b@A c@A"),
    ],
)
def test_commands_are_put_where_they_are_dropped(ids: str, before: str, group: str | None, after: str):
    commands = build_draft("a", "b@A", "c@A", "d")["commands"]
    assert format_commands(command_list.move_commands(commands, ids.split(), before, group)) == after.split()


@pytest.mark.parametrize(
    ("ids", "group", "after"),
    [
        ("a d", "A", "b@A c@A a@A d@A"),
        ("a d", "B", "a@B d@B b@A c@A"),  # a new group begins where the first of them stood
        ("b", "", "a c@A d b"),
        ("b", "A", "a c@A b@A d"),
    ],
)
def test_commands_move_behind_the_last_of_a_group(ids: str, group: str, after: str):
    commands = build_draft("a", "b@A", "c@A", "d")["commands"]
    assert format_commands(command_list.move_to_group(commands, ids.split(), group)) == after.split()


def test_the_parts_of_a_group_are_brought_together():
    commands = build_draft("a@A", "b", "c@A", "d@B", "e@A")["commands"]
    assert format_commands(command_list.merge_group_parts(commands, "a")) == ["a@A", "c@A", "e@A", "b", "d@B"]
    assert command_list.merge_group_parts(commands, "Nothing") == commands


@pytest.mark.parametrize(
    ("first", "step", "after"),
    [
        ("c", -1, "c@A d@A a b e@B"),
        ("c", 1, "a b e@B c@A d@A"),
        ("e", 1, "a b c@A d@A e@B"),
        ("nobody", 1, "a b c@A d@A e@B"),
    ],
)
def test_a_section_moves_as_a_whole(first: str, step: int, after: str):
    assert (
        format_commands(command_list.move_section(build_draft("a", "b", "c@A", "d@A", "e@B"), first, step))
        == after.split()
    )


def test_a_renamed_group_takes_its_commands_and_its_number_along():
    brain = build_draft("a@A", "b@a", "c@B")
    brain["groups"][0]["errors_to"] = "+233 20 1"
    renamed = groups.rename(brain, "A", "Sales")
    assert format_commands(renamed["commands"]) == ["a@Sales", "b@Sales", "c@B"]
    assert renamed["groups"] == [{"name": "Sales", "errors_to": "+233 20 1"}, {"name": "B"}]


def test_a_dissolved_group_leaves_its_commands_where_they_are():
    dissolved = groups.dissolve(build_draft("a@A", "b", "c@A"), "A")
    assert format_commands(dissolved["commands"]) == ["a", "b", "c"]
    assert dissolved["groups"] == [{"name": "B"}]


@pytest.mark.parametrize("name", ["", "x" * 101, "b"])
def test_a_group_needs_a_name_of_its_own(name: str):
    with pytest.raises(GroupRefused):
        groups.ensure_group(build_draft(), name, fresh=True)
    with pytest.raises(GroupRefused):
        groups.rename(build_draft("a@A"), "A", name)


def test_no_more_groups_are_made_than_are_allowed():
    full = build_draft(groups=tuple(f"G{n}" for n in range(limits.GROUPS)))
    with pytest.raises(GroupRefused, match="50 groups"):
        groups.ensure_group(full, "One more")
    assert groups.ensure_group(full, "g7") is full


def remove_commands(brain: dict[str, Any], *ids: str) -> dict[str, Any]:
    return {**brain, "commands": [each for each in brain["commands"] if each["id"] not in ids]}


def test_what_was_deleted_comes_back_to_its_place():
    before = build_draft("a", "b", "c", "d")
    after = remove_commands(before, "b", "d")
    assert undo.apply_reverse_patch(after, undo.build_reverse_patch(before, after)) == (before, [])


def test_an_undo_leaves_alone_what_was_changed_since():
    before = build_draft("a", "b", "c")
    after = {
        **before,
        "title": "New",
        "commands": [{**each, "enabled": False} for each in before["commands"]],
    }
    since = {
        **after,
        "commands": [after["commands"][0], {**after["commands"][1], "name": "Mine"}, after["commands"][2]],
    }
    restored, left = undo.apply_reverse_patch(since, undo.build_reverse_patch(before, after))
    assert left == ["“Mine”"]
    assert [each.get("enabled", True) for each in restored["commands"]] == [True, False, True]
    assert "title" not in restored


def test_an_undo_keeps_what_was_added_and_moved_since():
    before = build_draft("a", "b", "c")
    after = remove_commands(before, "b")
    since = {
        **after,
        "commands": [after["commands"][1], after["commands"][0], *build_draft("new")["commands"]],
    }
    restored, left = undo.apply_reverse_patch(since, undo.build_reverse_patch(before, after))
    assert (format_commands(restored["commands"]), left) == (["c", "a", "b", "new"], [])


def test_an_undone_order_is_the_order_before():
    before = build_draft("a", "b", "c")
    after = {**before, "commands": before["commands"][::-1]}
    assert undo.apply_reverse_patch(after, undo.build_reverse_patch(before, after)) == (before, [])
