"""Variables with unsaved changes applied, their expiry, and limits on number and size."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from app.brains import limits
from app.brains.effects.model import Forget, Increment, MemoryEffect, Remember
from app.brains.effects.untrusted import BadEffect, read_number
from app.brains.text import count_json_bytes

QUESTION_KEY: Final = (
    "?did-you-mean"  # of the question a chat is to answer: no code sees it, and it fills no limit
)

MemoryValues = Mapping[str, Mapping[str, Any]]  # by scope and key


def apply_overlay(memory: MemoryValues, changes: MemoryValues) -> dict[str, dict[str, Any]]:
    """Return the variables with changed entries applied; a change to None removes an entry."""
    merged = {scope: dict(entries) for scope, entries in memory.items()}
    for scope, entries in changes.items():
        known = merged.setdefault(scope, {})
        for key, value in entries.items():
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value
    return merged


def apply_effect(entries: MutableMapping[str, Any], effect: MemoryEffect) -> None:
    """Apply one effect to the entries of its scope; raises BadEffect when a text is incremented."""
    if isinstance(effect, Forget):
        entries.pop(effect.key, None)
    elif isinstance(effect, Remember):
        entries[effect.key] = effect.value
    else:
        before = entries.get(effect.key, 0)
        if type(before) not in {int, float}:
            raise BadEffect(
                f"“{effect.key}” holds no number, so it cannot be incremented. Delete or set it first."
            )
        entries[effect.key] = read_number(before + effect.by)


def compute_expiry(
    effect: Remember | Increment, now: int, before: int | None, *, was_live: bool
) -> int | None:
    """Return when a changed entry expires (ms; None = never); a live counter keeps its expiry (`before`)."""
    if isinstance(effect, Increment) and was_live:
        return before
    return None if effect.ttl is None else now + effect.ttl * 1000


def check_limits(memory: MemoryValues, effects: Iterable[MemoryEffect], max_entries: int) -> None:
    """Check the variables after these effects against the limits; raises BadEffect."""
    after: dict[str, dict[str, Any]] = {}
    grown: set[str] = set()
    for effect in effects:
        if effect.scope not in after:
            after[effect.scope] = dict(memory.get(effect.scope, {}))
        apply_effect(after[effect.scope], effect)
        if not isinstance(effect, Forget):
            grown.add(effect.scope)
    for scope in sorted(grown):
        check_scope(scope, after[scope], max_entries)


def check_scope(scope: str, entries: Mapping[str, Any], max_entries: int) -> None:
    """Check the entries of one scope against the limits; raises BadEffect."""
    entries = {key: value for key, value in entries.items() if key != QUESTION_KEY}
    if len(entries) > max_entries:
        raise BadEffect(
            f"The memory of the {scope} would hold {len(entries)} values; {max_entries} are allowed. "
            "Delete some or give them a ttl."
        )
    size = count_json_bytes(entries)
    if size > limits.MEMORY_SCOPE_BYTES:
        raise BadEffect(
            f"The memory of the {scope} would hold {size:,} bytes; {limits.MEMORY_SCOPE_BYTES:,} are allowed. "
            "Keep less in it."
        )
