"""A run's effects, read as what a hostile process may send: names, counts, grants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.brains import limits
from app.brains.effects import Cancel, Effect, Forget, Handoff, Increment, MemoryEffect, Remember, Schedule
from app.brains.outgoing import read_media, read_react, read_reply
from app.brains.triggers.contract import fold
from app.brains.values import BadEffect, clean, fields, number, value_bytes, words

SCOPES: Final = ("contact", "chat", "brain")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run may decide: its clock (ms), its grants, the commands it may name, and what it called.

    `commands` leads from a folded name to an id, `called` from the number of a call to the effects it gave.
    """

    now: int
    grants: frozenset[str] = frozenset()
    commands: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[int, Sequence[Effect]] = field(default_factory=dict)


def read_effects(fx: Any, rules: Rules) -> tuple[Effect, ...]:
    """Check a run's effects and return them in order; raises BadEffect."""
    if type(fx) is not list or len(fx) > limits.EFFECTS:
        raise BadEffect(f"A run may have at most {limits.EFFECTS} effects.")
    found: list[Effect] = []
    seen: set[int] = set()
    for entry in fx:
        if type(entry) is not list or not entry or type(entry[0]) is not str:
            raise BadEffect("An effect must be a list that begins with its name.")
        if entry[0] == "called":
            found += _called(entry, rules, seen)
            continue
        reader = _READERS.get(entry[0])
        if reader is None:
            raise BadEffect("There is no effect of this name.")
        found.append(reader(entry, rules))
    if len(found) > limits.EFFECTS:
        raise BadEffect(f"With the commands it called, this run has more than {limits.EFFECTS} effects.")
    return tuple(found)


def read_reads(reads: Any) -> tuple[tuple[str, str], ...]:
    """Read which remembered values a run has looked at, each once; raises BadEffect."""
    if type(reads) is not list or len(reads) > 3 * limits.MEMORY_ENTRIES_MOST:
        raise BadEffect("A run looked at too many remembered values.")
    found: dict[tuple[str, str], bool] = {}
    for pair in reads:
        if type(pair) is not list or len(pair) != 2:
            raise BadEffect("A remembered value is named by its scope and its key.")
        found[_scope(pair[0]), words(pair[1], "A key", limits.MEMORY_KEY_CHARS)] = True
    return tuple(found)


def read_overlay(given: Any) -> dict[str, dict[str, Any]]:
    """Read remembered values as a run has changed them so far, by scope and key; raises BadEffect."""
    if type(given) is not dict or any(type(entries) is not dict for entries in given.values()):
        raise BadEffect("The memory of a called command must be given by scope and key.")
    return {_scope(scope): clean(entries) for scope, entries in given.items()}


def _granted(rules: Rules, grant: str) -> None:
    if grant not in rules.grants:
        raise BadEffect(f"This brain has no permission for “{grant}”. Switch it on in the brain's settings.")


def _scope(value: Any) -> str:
    if type(value) is not str or value not in SCOPES:
        raise BadEffect("The memory has the scopes contact, chat and brain.")
    return value


def _place(entry: list[Any], rules: Rules, length: int) -> tuple[str, str]:
    _granted(rules, "memory")
    if len(entry) != length:
        raise BadEffect("A change of the memory is not complete.")
    return _scope(entry[1]), words(entry[2], "A key", limits.MEMORY_KEY_CHARS)


def _ttl(value: Any) -> int | None:
    if value is None:
        return None
    if not 0 < number(value) <= limits.MEMORY_SECONDS:
        raise BadEffect(f"ttl must be between 1 and {limits.MEMORY_SECONDS:,} seconds.")
    return max(1, int(value))


def _remember(entry: list[Any], rules: Rules) -> Remember | Forget:
    scope, key = _place(entry, rules, 5)
    value = clean(entry[3])
    if value is None:
        return Forget(scope, key)
    size, most = value_bytes(value), limits.MEMORY_VALUE_BYTES
    if size > most:
        raise BadEffect(f"The value of “{key}” has {size:,} bytes; {most:,} are allowed. Keep less of it.")
    return Remember(scope, key, value, _ttl(entry[4]))


def _increment(entry: list[Any], rules: Rules) -> Increment:
    scope, key = _place(entry, rules, 5)
    return Increment(scope, key, number(entry[3]), _ttl(entry[4]))


def _forget(entry: list[Any], rules: Rules) -> Forget:
    return Forget(*_place(entry, rules, 3))


_PLAN = frozenset({"command", "due", "args", "name"})


def _schedule(entry: list[Any], rules: Rules) -> Schedule:
    _granted(rules, "schedule")
    given = fields(entry, _PLAN)
    command_id = rules.commands.get(fold(words(given.get("command"), "The command", 100)))
    if command_id is None:
        raise BadEffect("There is no command of this name to schedule.")
    due = number(given.get("due")) * 1000
    if due > rules.now + limits.SCHEDULE_SECONDS * 1000:
        raise BadEffect("A command can be scheduled at most a year ahead.")
    arguments = clean(given.get("args", {}))
    if type(arguments) is not dict or value_bytes(arguments) > limits.SCHEDULE_BYTES:
        raise BadEffect("The arguments of a scheduled command are too large.")
    name = words(given.get("name") or "", "The name", limits.MEMORY_KEY_CHARS, 0)
    return Schedule(command_id, max(int(due), rules.now), arguments, name)


def _cancel(entry: list[Any], rules: Rules) -> Cancel:
    _granted(rules, "schedule")
    if len(entry) != 2:
        raise BadEffect("What is to be cancelled needs its name.")
    return Cancel(words(entry[1], "The name", limits.MEMORY_KEY_CHARS))


def _handoff(entry: list[Any], _rules: Rules) -> Handoff:
    reason = fields(entry, frozenset({"reason"})).get("reason", "")
    return Handoff(words(reason, "The reason", limits.REASON_CHARS, 0))


def _media(entry: list[Any], rules: Rules) -> Effect:
    _granted(rules, "media")
    return read_media(entry)


def _called(entry: list[Any], rules: Rules, seen: set[int]) -> Sequence[Effect]:
    called = entry[1] if len(entry) == 2 else None
    if type(called) is not int or called in seen:
        raise BadEffect("A called command is not known.")
    seen.add(called)
    return rules.called.get(called, ())  # a call that failed has none


_READERS: Mapping[str, Callable[[list[Any], Rules], Effect]] = {
    "reply": lambda entry, _: read_reply(entry),
    "media": _media,
    "react": lambda entry, _: read_react(entry),
    "set": _remember,
    "incr": _increment,
    "del": _forget,
    "schedule": _schedule,
    "cancel": _cancel,
    "handoff": _handoff,
}


def memory_only(effects: Sequence[Effect]) -> tuple[MemoryEffect, ...]:
    """Keep the changes of the memory."""
    return tuple(effect for effect in effects if isinstance(effect, MemoryEffect))
