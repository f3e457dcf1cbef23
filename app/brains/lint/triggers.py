"""Triggers that never fire, or not for all they wait for, because another command is asked first."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from app.brains.document import Command
from app.brains.lint.finding import WARNING, Draft, Finding, at_command
from app.brains.lint.messages import press, said
from app.brains.lint.samples import sample, spread
from app.brains.program import Entry, choose
from app.brains.triggers.contract import fold
from app.brains.turn import Turn

# Nothing in common but that each is a message.
_UNALIKE: Final = ("xqz", "Q 7", "!", "é", "5", "👍", "two\nlines")
_KEPT: Final = 16
_FIELDS: Final = {
    "command": "words",
    "exact": "texts",
    "contains": "texts",
    "starts_with": "texts",
    "button": "ids",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to fire a command: `written` as the operator wrote it, and messages that should fire it."""

    written: str
    turns: tuple[Turn, ...]
    field: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A way of which no message reaches the command, and the first command that answers instead."""

    way: Way
    winner: Entry


@dataclass(frozen=True, slots=True)
class Asked:
    """A draft, equal to any other with the same triggers."""

    key: Hashable
    draft: Draft = field(compare=False)


def find(draft: Draft) -> Iterator[Finding]:
    """Find what an earlier command takes away from a later one."""
    commands = tuple((place, each.id, each.name, each.trigger) for place, each in draft.commands)
    yield from _found(Asked((draft.document.settings.prefixes, commands), draft))


# Most edits change no trigger, and asking every command for every message takes a while in a large brain.
@lru_cache(_KEPT)
def _found(asked: Asked) -> tuple[Finding, ...]:
    return tuple(_search(asked.draft))


def _search(draft: Draft) -> Iterator[Finding]:
    greedy = {command.id for _, command in draft.commands if _takes_all(command)}
    yield from _greedy(draft, greedy)
    for place, command in draft.commands:
        yield from _twice(place, command)
        if command.trigger.kind == "command" and not draft.document.settings.prefixes:
            yield _mute(place, command)
        ways = _ways(draft, command)
        lost = [found for way in ways if (found := _lost(draft, command, way))]
        if lost and not any(each.winner.command.id in greedy for each in lost):
            yield from _told(place, command, ways, lost)


def _mute(place: int, command: Command) -> Finding:
    text = "This command never answers: the brain has no prefix that its words could follow."
    fix = "Add a prefix in the settings, or use the trigger Exact text."
    return at_command("unreachable", WARNING, place, command, "trigger", text, fix)


def _takes_all(command: Command) -> bool:
    trigger: Any = command.trigger
    return trigger.kind == "regex" and all(trigger.compiled.search(text) for text in _UNALIKE)


def _greedy(draft: Draft, greedy: set[str]) -> Iterator[Finding]:
    for place, command in draft.commands:
        if command.id in greedy:
            fix = "Make the pattern narrower, or use the trigger Anything else, which is asked last."
            text = "This pattern fits every message, so no command after it ever answers."
            yield at_command("matches-everything", WARNING, place, command, "trigger.pattern", text, fix)


def _twice(place: int, command: Command) -> Iterator[Finding]:
    """Find what one trigger lists twice."""
    trigger: Any = command.trigger
    field = _FIELDS.get(trigger.kind)
    listed = getattr(trigger, field) if field else ()
    folds = getattr(trigger, "ignore_case", True)
    compared = [fold(text) if folds else text for text in listed]
    for number, text in enumerate(compared):
        if text in compared[:number]:
            message = f"“{listed[number]}” is listed twice."
            where = f"trigger.{field}.{number}"
            yield at_command("duplicate-word", WARNING, place, command, where, message, "Remove one of them.")


def _ways(draft: Draft, command: Command) -> list[Way]:
    """Make messages for each text, word, id or pattern of a trigger."""
    trigger: Any = command.trigger
    kind = trigger.kind
    if kind == "fallback":
        return [Way("anything else", (said(_UNALIKE[0]),), "trigger")]
    if kind == "regex":
        return [
            Way(text, tuple(map(said, _fitting(trigger.compiled, text))), "trigger.pattern")
            for text in sample(trigger.pattern, trigger.compiled)
        ]
    field = _FIELDS.get(kind)
    listed: Sequence[str] = getattr(trigger, field) if field else ()
    return [
        Way(text, tuple(_messages(draft, kind, text)), f"trigger.{field}.{n}")
        for n, text in enumerate(listed)
    ]


def _fitting(compiled: Any, text: str) -> list[str]:
    return [each for each in spread(text) if compiled.search(each.strip())]


def _messages(draft: Draft, kind: str, text: str) -> Iterator[Turn]:
    if kind == "button":
        yield press(text)
    elif kind == "command":
        for prefix in draft.document.settings.prefixes:
            yield said(prefix + text)
            yield said(f"{prefix}{text} xqz")
    elif kind == "contains":
        yield from map(said, spread(text))
    else:
        yield said(text)
        if kind == "starts_with":
            yield said(f"{text} xqz")


def _lost(draft: Draft, command: Command, way: Way) -> Lost | None:
    """Return who answers every message of a way; None when one reaches the command."""
    winner = None
    for turn in way.turns:
        choice, _ = choose(draft.program, turn)
        if choice is None or choice.entry.command.id == command.id:
            return None
        winner = winner or choice.entry
    return Lost(way, winner) if winner else None


def _told(place: int, command: Command, ways: Sequence[Way], lost: Sequence[Lost]) -> Iterator[Finding]:
    """Say what is lost: all of it once, some of it each."""
    if len(lost) == len(ways):
        yield _never(place, command, lost[0].winner)
    elif command.trigger.kind == "regex":
        yield from _overlap(place, command, lost)
    else:
        for each in lost:
            yield _partly(place, command, each)


def _never(place: int, command: Command, winner: Entry) -> Finding:
    first = winner.command
    if command.trigger.kind == "fallback":
        text = f"“{first.name}” answers anything else already, so this command never answers."
        return at_command(
            "second-fallback", WARNING, place, command, "trigger", text, "Keep one of the two commands."
        )
    same = _same_kind(command, first)
    text = f"This command never answers: “{first.name}” is asked first and takes all its messages."
    fix = f"Move it above “{first.name}”, or change one of the two triggers."
    return at_command(
        "duplicate-word" if same else "unreachable", WARNING, place, command, "trigger", text, fix
    )


def _same_kind(command: Command, first: Command) -> bool:
    """Tell whether two triggers wait for the same words in the same way."""
    mine, theirs = command.trigger, first.trigger
    if mine.kind != theirs.kind or mine.kind not in {"command", "exact", "button"}:
        return False
    field = _FIELDS[mine.kind]
    return bool({*map(fold, getattr(mine, field))} & {*map(fold, getattr(theirs, field))})


def _partly(place: int, command: Command, lost: Lost) -> Finding:
    first = lost.winner.command
    code = "duplicate-word" if _same_kind(command, first) else "shadowed"
    text = f"“{lost.way.written[:60]}” never reaches this command: “{first.name}” is asked first."
    fix = f"Remove it here or there, or move this command above “{first.name}”."
    return at_command(code, WARNING, place, command, lost.way.field, text, fix)


def _overlap(place: int, command: Command, lost: Sequence[Lost]) -> Iterator[Finding]:
    """Tell of a pattern that shares messages with an earlier one, unless that is but a special case of it."""
    trigger: Any = command.trigger
    for first in dict.fromkeys(each.winner.command.id for each in lost):
        taken = next(each for each in lost if each.winner.command.id == first)
        earlier: Any = taken.winner.command.trigger
        if earlier.kind != "regex" or _is_special(earlier, trigger):
            continue
        text = (
            f"This pattern overlaps with the one of “{taken.winner.command.name}”, which takes for example "
            f"“{taken.way.written[:60]}”."
        )
        fix = "Make one of the two narrower, or put the one that is to win first."
        yield at_command("overlapping-regex", WARNING, place, command, "trigger.pattern", text, fix)


def _is_special(earlier: Any, later: Any) -> bool:
    """Tell whether all that fits the earlier pattern fits the later one: it stands first to be asked first."""
    return all(later.compiled.search(text) for text in sample(earlier.pattern, earlier.compiled))
