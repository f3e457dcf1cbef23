"""Branch of the variables: what they would be had other effects been applied than were, as far as that can be known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.brains.effects.model import Forget, Increment, MemoryEffect
from app.brains.effects.untrusted import BadEffect
from app.brains.memory.overlay import MemoryValues, apply_effect, compute_expiry
from app.immutable import immutable

_SCOPES: Final = ("contact", "chat", "brain")
# Stands for every variable of every scope among what a run has read.
EVERYTHING: Final = tuple((word, "") for word in _SCOPES)

# Whose variables a run has: a name for each of contact, chat and brain.
Owners = Mapping[str, str]


@immutable
class BranchView:
    """Variables of one run on the branch; `certain` are those it has set itself, as (scope, key)."""

    entries: dict[str, dict[str, Any]]
    unknown_scopes: frozenset[str]
    doubtful_scopes: frozenset[str]
    certain: frozenset[tuple[str, str]]

    def has_unknown(self, reads: Iterable[tuple[str, str]]) -> bool:
        """Tell whether one of these variables was never recorded, nor set on the branch."""
        return self._is_any_in(reads, self.unknown_scopes)

    def has_doubtful(self, reads: Iterable[tuple[str, str]]) -> bool:
        """Tell whether one of these variables may have been changed by effects that are not known."""
        return self._is_any_in(reads, self.doubtful_scopes)

    def _is_any_in(self, reads: Iterable[tuple[str, str]], scopes: frozenset[str]) -> bool:
        return any(scope in scopes and (scope, key) not in self.certain for scope, key in reads)


@dataclass(slots=True)
class _Scope:
    """Variables of one contact, chat or brain with their ends (ms): as they were, and on the branch."""

    actual: dict[str, tuple[Any, int | None]] = field(default_factory=dict)
    branch: dict[str, tuple[Any, int | None]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)  # keys the branch has changed itself
    certain: set[str] = field(default_factory=set)  # keys it has set whatever was there before
    is_known: bool = False  # what was there at the beginning
    is_doubtful: bool = False  # effects that are not known were applied

    def merge(self, recorded: Mapping[str, Any]) -> None:
        """Take over what others have changed: the difference of the recorded variables to what they should be."""
        for key in {*recorded, *self.actual}:
            if key in recorded and (key not in self.actual or self.actual[key][0] != recorded[key]):
                # Before the first record nobody knows which of them the effects so far have made.
                if self.is_known or key not in self.own:
                    self.branch[key] = (recorded[key], None)
                self.actual[key] = (recorded[key], None)
            elif key not in recorded:
                del self.actual[key]
                if key not in self.own:
                    self.branch.pop(key, None)
        self.is_known = True

    def drop_expired(self, now: int) -> None:
        """Drop what has ended by `now` (ms)."""
        for entries in (self.actual, self.branch):
            for key in [
                key for key, (_, ends_at) in entries.items() if ends_at is not None and ends_at <= now
            ]:
                del entries[key]


class MemoryBranch:
    """Variables of all chats of a brain, carried forward from run to run."""

    def __init__(self) -> None:
        self._scopes: dict[str, _Scope] = {}

    def read(self, owners: Owners, recorded: MemoryValues | None, now: int) -> BranchView:
        """Return the variables of a run; `recorded` are those it had, None when they were not recorded."""
        scopes = {word: self._get_scope(owners, word) for word in _SCOPES}
        for word, scope in scopes.items():
            scope.drop_expired(now)
            if recorded is not None:
                scope.merge(recorded.get(word, {}))
        return BranchView(
            {
                word: {key: value for key, (value, _) in scope.branch.items()}
                for word, scope in scopes.items()
            },
            frozenset(word for word, scope in scopes.items() if not scope.is_known),
            frozenset(word for word, scope in scopes.items() if scope.is_doubtful),
            frozenset((word, key) for word, scope in scopes.items() for key in scope.certain),
        )

    def apply(
        self,
        owners: Owners,
        actual: Sequence[MemoryEffect] | None,
        branch: Sequence[MemoryEffect] | None,
        now: int,
    ) -> None:
        """Apply the effects a run had and those it has on the branch (None = not known); `now` in ms."""
        for effect in branch or ():
            scope = self._get_scope(owners, effect.scope)
            scope.own.add(effect.key)
            if not isinstance(effect, Increment):
                scope.certain.add(effect.key)
            _apply(scope.branch, effect, now)
        for effect in actual or ():
            _apply(self._get_scope(owners, effect.scope).actual, effect, now)
        if actual is None or branch is None:
            for word in _SCOPES:
                scope = self._get_scope(owners, word)
                # Hardly any brain has variables for everybody: only where there are some they are in doubt.
                if word != "brain" or scope.actual or scope.own:
                    scope.is_doubtful = True
                    scope.certain.clear()

    def _get_scope(self, owners: Owners, word: str) -> _Scope:
        return self._scopes.setdefault(owners[word], _Scope())


def _apply(entries: dict[str, tuple[Any, int | None]], effect: MemoryEffect, now: int) -> None:
    before = entries.get(effect.key)
    values = {effect.key: before[0]} if before else {}
    try:
        apply_effect(values, effect)
    except BadEffect:
        return
    if isinstance(effect, Forget):
        entries.pop(effect.key, None)
    else:
        ends_at = compute_expiry(effect, now, before[1] if before else None, was_live=before is not None)
        entries[effect.key] = (values[effect.key], ends_at)
