"""Order and sections of the command list: groups, moves (pure functions).

Commands are asked in the order of the document. A group whose commands do not stand together is shown in parts, so
that the list is always read from top to bottom as the messages are matched.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from app.admin.workbench.command_form import Command, find
from app.admin.workbench.command_view import list_group_names
from app.brains.text import fold
from app.immutable import immutable

NO_GROUP: Final = ""

Commands = list[Command]


@immutable
class Section:
    """Commands that stand together in one group ("" = none), each with its place in the order of matching from 1.

    `part` of `parts` counts the stretches a group is in; a group without commands is one empty part.
    """

    group: str
    rows: tuple[tuple[int, Command], ...] = ()
    part: int = 1
    parts: int = 1

    @property
    def first_id(self) -> str:
        """The id of the first command; empty for an empty group."""
        return str(self.rows[0][1].get("id", "")) if self.rows else ""


def get_group(command: Mapping[str, Any]) -> str:
    """Return the name of a command's group; empty when it has none."""
    return str(command.get("group") or NO_GROUP)


def build_sections(draft: Mapping[str, Any]) -> list[Section]:
    """Return the sections of a draft in the order of matching, then the groups that have no command."""
    commands: Commands = draft.get("commands", [])
    known = {fold(name): name for name in list_group_names(draft)}
    places = compute_match_order(commands)
    runs = [(key, tuple(run)) for key, run in groupby(commands, lambda each: fold(get_group(each)))]
    counts = {key: sum(other == key for other, _ in runs) for key, _ in runs}
    found, seen = [], dict.fromkeys(counts, 0)
    for key, run in runs:
        seen[key] += 1
        rows = tuple((places[each["id"]], each) for each in run)
        found.append(Section(known.get(key, get_group(run[0])), rows, seen[key], counts[key]))
    return found + [Section(name) for key, name in known.items() if key not in counts]


def compute_match_order(commands: Sequence[Command]) -> dict[str, int]:
    """Return the place of each command in the order of matching, from 1: the fallback comes last wherever it is."""
    asked = sorted(commands, key=lambda each: each.get("trigger", {}).get("kind") == "fallback")
    return {each["id"]: place for place, each in enumerate(asked, 1)}


def set_group(command: Command, group: str) -> Command:
    """Return a command as a member of a group, or of none."""
    if fold(get_group(command)) == fold(group):
        return command
    rest = {name: value for name, value in command.items() if name != "group"}
    return {**rest, "group": group} if group else rest


def move_command(draft: Mapping[str, Any], command_id: str, step: int) -> Commands:
    """Return the commands with one moved up (-1) or down (+1) in the list; a step over a heading changes its group."""
    commands: Commands = list(draft.get("commands", []))
    at = find(commands, command_id)
    if at is None:
        return commands
    if 0 <= at + step < len(commands):
        return _move_past_neighbour(commands, at, step)
    empty = next((each for each in build_sections(draft) if not each.rows), None)
    if step > 0 and empty:
        commands[at] = set_group(commands[at], empty.group)
    return commands


def _move_past_neighbour(commands: Commands, at: int, step: int) -> Commands:
    """Exchange two neighbours of one group; the neighbour's group is entered before the neighbour is passed."""
    own, neighbour = commands[at], commands[at + step]
    if fold(get_group(own)) == fold(get_group(neighbour)):
        commands[at], commands[at + step] = neighbour, own
    else:
        commands[at] = set_group(own, get_group(neighbour))
    return commands


def move_commands(
    commands: Sequence[Command], ids: Collection[str], before: str, group: str | None
) -> Commands:
    """Return the commands with some put before another ("" = at the end), into a group or (None) in their own."""
    moving = [each if group is None else set_group(each, group) for each in commands if each["id"] in ids]
    # An anchor that moves itself stands for the next one that stays.
    at = find(commands, before) if before else None
    stays_after = [each["id"] for each in commands[at:] if each["id"] not in ids] if at is not None else []
    staying = [each for each in commands if each["id"] not in ids]
    anchor = find(staying, stays_after[0]) if stays_after else None
    cut = len(staying) if anchor is None else anchor
    return [*staying[:cut], *moving, *staying[cut:]]


def move_to_group(commands: Sequence[Command], ids: Collection[str], group: str) -> Commands:
    """Return the commands with some moved behind the last of a group; a group without others begins at the first."""
    staying = [i for i, each in enumerate(commands) if each["id"] not in ids]
    members = [i for i in staying if fold(get_group(commands[i])) == fold(group)]
    first = next((i for i, each in enumerate(commands) if each["id"] in ids), len(commands))
    cut = members[-1] + 1 if members else first
    before = next((commands[i]["id"] for i in staying if i >= cut), "")
    return move_commands(commands, ids, before, group)


def merge_group_parts(commands: Sequence[Command], group: str) -> Commands:
    """Return the commands with all parts of a group behind its first part."""
    wanted = fold(group)
    members = [i for i, each in enumerate(commands) if fold(get_group(each)) == wanted]
    if not members:
        return list(commands)
    ids = {commands[i]["id"] for i in members}
    staying = next((each["id"] for each in commands[members[0] :] if each["id"] not in ids), "")
    return move_commands(commands, ids, staying, None)


def move_section(draft: Mapping[str, Any], first_id: str, step: int) -> Commands:
    """Return the commands with the section that begins with a command before (-1) or behind (+1) its neighbour."""
    commands: Commands = list(draft.get("commands", []))
    filled = [each for each in build_sections(draft) if each.rows]
    at = next((i for i, each in enumerate(filled) if each.first_id == first_id), None)
    if at is None or not 0 <= at + step < len(filled):
        return commands
    behind = at + 2 if step > 0 else at - 1
    anchor = filled[behind].first_id if behind < len(filled) else ""
    return move_commands(commands, {row["id"] for _, row in filled[at].rows}, anchor, None)


def apply_group_rename(command: Command, renamed: Mapping[str, str]) -> Command:
    """Let a command follow its group to a new name, or leave a group that is gone (renamed to nothing)."""
    group = get_group(command)
    return set_group(command, renamed[group]) if group in renamed else command
