"""Parser of a run's effects from an untrusted process: counts, permissions, variables, schedules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from app.brains import limits
from app.brains.effects.model import (
    Cancel,
    Effect,
    Forget,
    Handoff,
    Increment,
    MemoryEffect,
    Remember,
    Schedule,
)
from app.brains.effects.parse_messages import read_media, read_react, read_reply
from app.brains.effects.untrusted import BadEffect, clean, read_fields, read_number, read_text
from app.brains.text import count_json_bytes, fold
from app.immutable import immutable

SCOPES: Final = ("contact", "chat", "brain")


@immutable
class Rules:
    """Rules of a run's effects: clock (ms), permissions, allowed command names, effects of called commands.

    `commands` leads from a folded name to an id, `called` from the number of a call to the effects it gave.
    """

    now: int
    grants: frozenset[str] = frozenset()
    commands: Mapping[str, str] = field(default_factory=dict)
    called_effects: Mapping[int, Sequence[Effect]] = field(default_factory=dict)


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
            found += _read_called(entry, rules, seen)
            continue
        reader = _READERS.get(entry[0])
        if reader is None:
            raise BadEffect("There is no effect of this name.")
        found.append(reader(entry, rules))
    if len(found) > limits.EFFECTS:
        raise BadEffect(f"With the commands it called, this run has more than {limits.EFFECTS} effects.")
    return tuple(found)


def read_reads(reads: Any) -> tuple[tuple[str, str], ...]:
    """Parse the variables a run has read, each once; raises BadEffect."""
    if type(reads) is not list or len(reads) > 3 * limits.MAX_MEMORY_ENTRIES:
        raise BadEffect("A run looked at too many variables.")
    found: dict[tuple[str, str], bool] = {}
    for pair in reads:
        if type(pair) is not list or len(pair) != 2:
            raise BadEffect("A variable is named by its scope and its key.")
        found[_read_scope(pair[0]), read_text(pair[1], "A key", limits.MEMORY_KEY_CHARS)] = True
    return tuple(found)


def read_overlay(given: Any) -> dict[str, dict[str, Any]]:
    """Parse variables with a run's changes so far, by scope and key; raises BadEffect."""
    if type(given) is not dict or any(type(entries) is not dict for entries in given.values()):
        raise BadEffect("The memory of a called command must be given by scope and key.")
    return {_read_scope(scope): clean(entries) for scope, entries in given.items()}


def _check_grant(rules: Rules, grant: str) -> None:
    if grant not in rules.grants:
        raise BadEffect(f"This brain has no permission for “{grant}”. Switch it on in the brain's settings.")


def _read_scope(value: Any) -> str:
    if type(value) is not str or value not in SCOPES:
        raise BadEffect("The memory has the scopes contact, chat and brain.")
    return value


def _read_key(entry: list[Any], rules: Rules, length: int) -> tuple[str, str]:
    _check_grant(rules, "memory")
    if len(entry) != length:
        raise BadEffect("A change of the memory is not complete.")
    return _read_scope(entry[1]), read_text(entry[2], "A key", limits.MEMORY_KEY_CHARS)


def _read_ttl(value: Any) -> int | None:
    if value is None:
        return None
    if not 0 < read_number(value) <= limits.MEMORY_SECONDS:
        raise BadEffect(f"ttl must be between 1 and {limits.MEMORY_SECONDS:,} seconds.")
    return max(1, int(value))


def _read_remember(entry: list[Any], rules: Rules) -> Remember | Forget:
    scope, key = _read_key(entry, rules, 5)
    value = clean(entry[3])
    if value is None:
        return Forget(scope, key)
    size, most = count_json_bytes(value), limits.MEMORY_VALUE_BYTES
    if size > most:
        raise BadEffect(f"The value of “{key}” has {size:,} bytes; {most:,} are allowed. Keep less of it.")
    return Remember(scope, key, value, _read_ttl(entry[4]))


def _read_increment(entry: list[Any], rules: Rules) -> Increment:
    scope, key = _read_key(entry, rules, 5)
    return Increment(scope, key, read_number(entry[3]), _read_ttl(entry[4]))


def _read_forget(entry: list[Any], rules: Rules) -> Forget:
    return Forget(*_read_key(entry, rules, 3))


_SCHEDULE_FIELDS = frozenset({"command", "due", "args", "name"})


def _read_schedule(entry: list[Any], rules: Rules) -> Schedule:
    _check_grant(rules, "schedule")
    given = read_fields(entry, _SCHEDULE_FIELDS)
    command_id = rules.commands.get(fold(read_text(given.get("command"), "The command", 100)))
    if command_id is None:
        raise BadEffect("There is no command of this name to schedule.")
    # Bounded before anything is made of it: what is past is due now.
    due = max(read_number(given.get("due")), 0)
    if due > rules.now / 1000 + limits.SCHEDULE_SECONDS:
        raise BadEffect("A command can be scheduled at most a year ahead.")
    arguments = clean(given.get("args", {}))
    if type(arguments) is not dict or count_json_bytes(arguments) > limits.SCHEDULE_BYTES:
        raise BadEffect("The arguments of a scheduled command are too large.")
    name = read_text(given.get("name") or "", "The name", limits.MEMORY_KEY_CHARS, 0)
    return Schedule(command_id, max(int(due * 1000), rules.now), arguments, name)


def _read_cancel(entry: list[Any], rules: Rules) -> Cancel:
    _check_grant(rules, "schedule")
    if len(entry) != 2:
        raise BadEffect("What is to be cancelled needs its name.")
    return Cancel(read_text(entry[1], "The name", limits.MEMORY_KEY_CHARS))


def _read_handoff(entry: list[Any], _rules: Rules) -> Handoff:
    reason = read_fields(entry, frozenset({"reason"})).get("reason", "")
    return Handoff(read_text(reason, "The reason", limits.REASON_CHARS, 0))


def _read_media(entry: list[Any], rules: Rules) -> Effect:
    _check_grant(rules, "media")
    return read_media(entry)


def _read_called(entry: list[Any], rules: Rules, seen: set[int]) -> Sequence[Effect]:
    called = entry[1] if len(entry) == 2 else None
    if type(called) is not int or called in seen:
        raise BadEffect("A called command is not known.")
    seen.add(called)
    return rules.called_effects.get(called, ())  # a call that failed has none


_READERS: Mapping[str, Callable[[list[Any], Rules], Effect]] = {
    "reply": lambda entry, _: read_reply(entry),
    "media": _read_media,
    "react": lambda entry, _: read_react(entry),
    "set": _read_remember,
    "incr": _read_increment,
    "del": _read_forget,
    "schedule": _read_schedule,
    "cancel": _read_cancel,
    "handoff": _read_handoff,
}


def select_memory_effects(effects: Sequence[Effect]) -> tuple[MemoryEffect, ...]:
    """Select the effects that change variables."""
    return tuple(effect for effect in effects if isinstance(effect, MemoryEffect))
