"""Variables in the database: snapshots for runs, changes in the writer's transaction, leaderboard query."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, or_, select, text, tuple_, update
from sqlalchemy.orm import Session

from app.brains import limits
from app.brains.effects.model import Forget, MemoryEffect
from app.brains.effects.untrusted import BadEffect
from app.brains.memory.models import Memory
from app.brains.memory.overlay import QUESTION_KEY, apply_effect, check_scope, compute_expiry
from app.db.schema import get_table
from app.immutable import immutable

_table = get_table(Memory)
_c = _table.c
# A row made anew must not look like the one before it: counts begin at the moment, this many steps a millisecond.
_REVS_PER_MS: Final = 1_024
ALL_KEYS: Final = "*"  # stands for all keys of a scope among the reads

_Pair = tuple[int, str]  # brain, stored scope


@immutable
class MemoryOwner:
    """Owner of the variables of a run: its brain, contact (None in some groups) and chat."""

    brain_id: int
    contact_id: int | None
    chat_id: int

    def build_scopes(self) -> dict[str, str]:
        """Return the stored scopes by the names contact, chat and brain."""
        # Where a group does not say who wrote, its unknown people share one memory.
        person = f"group:{self.chat_id}" if self.contact_id is None else f"contact:{self.contact_id}"
        return {"contact": person, "chat": f"chat:{self.chat_id}", "brain": "brain"}


@immutable
class MemorySnapshot:
    """Variables by scope and key, and the revision of each by (scope, key)."""

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    revs: Mapping[tuple[str, str], int] = field(default_factory=dict)


@immutable
class StoredVariable:
    """Variable as a page shows it; `scope`: contact or chat."""

    scope: str
    key: str
    value: Any


@immutable
class MemoryChanges:
    """Changes of variables by one run; `run` identifies it, `revs` are those of its snapshot."""

    run: Hashable
    owner: MemoryOwner
    effects: Sequence[MemoryEffect]
    reads: Sequence[tuple[str, str]]
    revs: Mapping[tuple[str, str], int]
    now: int  # ms
    max_entries: int = limits.MEMORY_ENTRIES

    def list_scopes(self) -> set[tuple[int, str]]:
        """Return brain and stored scope of everything that is read or changed."""
        scopes = self.owner.build_scopes()
        names = {effect.scope for effect in self.effects} | {scope for scope, _ in self.reads}
        return {(self.owner.brain_id, scopes[name]) for name in names}


def read_snapshots(db: Connection, owners: Sequence[MemoryOwner], now: int) -> list[MemorySnapshot]:
    """Read the variables of `owners` in one query, without those expired by `now` (ms)."""
    pairs = {(owner.brain_id, scope) for owner in owners for scope in owner.build_scopes().values()}
    query = select(_c.brain_id, _c.scope, _c.key, _c.value, _c.rev).where(
        tuple_(_c.brain_id, _c.scope).in_(sorted(pairs)), _build_live_filter(now)
    )
    found: dict[_Pair, list[Any]] = {}
    for row in db.execute(query) if pairs else ():
        found.setdefault((row.brain_id, row.scope), []).append(row)
    return [_build_snapshot(owner, found) for owner in owners]


def list_variables(session: Session, owner: MemoryOwner, now: int, limit: int) -> list[StoredVariable]:
    """List at most `limit` variables a brain keeps for a contact and its chat, without those expired by `now` (ms)."""
    names = {stored: name for name, stored in owner.build_scopes().items() if name != "brain"}
    query = (
        select(_c.scope, _c.key, _c.value)
        .where(_c.brain_id == owner.brain_id, _c.scope.in_(sorted(names)), _build_live_filter(now))
        .where(_c.key != QUESTION_KEY)
        .order_by(_c.scope.desc(), _c.key)
        .limit(limit)
    )
    return [StoredVariable(names[row.scope], row.key, row.value) for row in session.execute(query)]


def apply(db: Connection, runs: Sequence[MemoryChanges]) -> set[Hashable]:
    """Store the changes of runs in order, each run completely or not at all; called in the writer's transaction.

    Returns the runs that are in conflict, of which nothing is stored: they read something that has changed since
    their snapshot, or no longer fit into the limits. They must be run again.
    """
    changing = [run for run in runs if run.effects]
    pairs = sorted({pair for run in changing for pair in run.list_scopes()})
    if not pairs:
        return set()
    _lock(db, pairs)
    working_set = _WorkingSet(db, pairs)
    conflicts = {run.run for run in changing if not working_set.apply(run)}
    working_set.write(db)
    return conflicts


def delete_expired(db: Connection, now: int, limit: int = 500) -> int:
    """Delete at most `limit` values that have expired, and return how many."""
    old = select(_c.id).where(_c.expires_at <= now).order_by(_c.expires_at).limit(limit)
    return db.execute(delete(_table).where(_c.id.in_(old))).rowcount


@immutable
class _Entry:
    """Variable while changes are applied; `value` None = deleted, `id` None = not stored yet."""

    id: int | None = None
    value: Any = None
    rev: int = 0
    expires_at: int | None = None
    changed: bool = True

    def is_live(self, now: int) -> bool:
        """Tell whether it exists and has not expired at a time (ms)."""
        return self.value is not None and (self.expires_at is None or self.expires_at > now)


_ABSENT = _Entry()
_Scope = dict[str, _Entry]


class _WorkingSet:
    """All variables of some scopes, locked, changed in memory, then written at once."""

    def __init__(self, db: Connection, pairs: Sequence[_Pair]) -> None:
        query = select(_c.brain_id, _c.scope, _c.key, _c.id, _c.value, _c.rev, _c.expires_at)
        self._scopes: dict[_Pair, _Scope] = {pair: {} for pair in pairs}
        for row in db.execute(query.where(tuple_(_c.brain_id, _c.scope).in_(pairs))):
            entry = _Entry(row.id, row.value, row.rev, row.expires_at, changed=False)
            self._scopes[row.brain_id, row.scope][row.key] = entry
        self._now = 0

    def apply(self, run: MemoryChanges) -> bool:
        """Apply the changes of a run; return false, without any change, on a conflict."""
        scopes = run.owner.build_scopes()
        if not all(self._is_unchanged(run, scope, key) for scope, key in run.reads):
            return False
        work: dict[str, _Scope] = {}
        try:
            for effect in run.effects:
                if effect.scope not in work:
                    work[effect.scope] = dict(self._scopes[run.owner.brain_id, scopes[effect.scope]])
                _apply_effect(work[effect.scope], effect, run.now)
            # Taking something away is always allowed, also where there is too much.
            for scope in {effect.scope for effect in run.effects if not isinstance(effect, Forget)}:
                check_scope(scope, _select_live_values(work[scope], run.now), run.max_entries)
        except BadEffect:
            return False
        self._scopes.update({(run.owner.brain_id, scopes[scope]): work[scope] for scope in work})
        self._now = max(self._now, run.now)
        return True

    def _is_unchanged(self, run: MemoryChanges, scope: str, key: str) -> bool:
        entries = self._scopes[run.owner.brain_id, run.owner.build_scopes()[scope]]
        if key == ALL_KEYS:
            before = {name: rev for (where, name), rev in run.revs.items() if where == scope}
            return before == {name: entry.rev for name, entry in entries.items() if entry.is_live(run.now)}
        entry = entries.get(key, _ABSENT)
        return (entry.rev if entry.is_live(run.now) else 0) == run.revs.get((scope, key), 0)

    def write(self, db: Connection) -> None:
        """Write the changed entries."""
        inserted: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        deleted_ids: list[int] = []
        for (brain_id, scope), entries in self._scopes.items():
            changed = {key: entry for key, entry in entries.items() if entry.changed}
            deleted_ids += [e.id for e in changed.values() if e.id is not None and e.value is None]
            for key, entry in changed.items():
                if entry.value is not None and entry.id is None:
                    inserted.append({"brain_id": brain_id, "scope": scope, "key": key, **self._to_row(entry)})
                elif entry.value is not None:
                    updated.append({"row_id": entry.id, **self._to_row(entry)})
        if deleted_ids:
            db.execute(delete(_table).where(_c.id.in_(deleted_ids)))
        if updated:
            db.execute(update(_table).where(_c.id == bindparam("row_id")), updated)
        if inserted:
            db.execute(insert(_table), inserted)

    def _to_row(self, entry: _Entry) -> dict[str, Any]:
        number = float(entry.value) if type(entry.value) in {int, float} else None
        return {
            "value": entry.value,
            "number": number,
            "rev": entry.rev,
            "expires_at": entry.expires_at,
            "updated_at": self._now,
        }


def _apply_effect(entries: _Scope, effect: MemoryEffect, now: int) -> None:
    """Apply one effect; raises BadEffect when a text is incremented."""
    before = entries.get(effect.key, _ABSENT)
    was_live = before.is_live(now)
    value = {effect.key: before.value} if was_live else {}
    apply_effect(value, effect)
    is_deletion = isinstance(effect, Forget)
    expires_at = None if is_deletion else compute_expiry(effect, now, before.expires_at, was_live=was_live)
    rev = max(before.rev + 1, now * _REVS_PER_MS)
    entries[effect.key] = _Entry(before.id, value.get(effect.key), rev, expires_at)


def _select_live_values(entries: _Scope, now: int) -> dict[str, Any]:
    return {key: entry.value for key, entry in entries.items() if entry.is_live(now)}


def _build_live_filter(now: int) -> ColumnElement[bool]:
    return or_(_c.expires_at.is_(None), _c.expires_at > now)


def _build_snapshot(owner: MemoryOwner, found: Mapping[_Pair, Sequence[Any]]) -> MemorySnapshot:
    entries: dict[str, dict[str, Any]] = {}
    revs: dict[tuple[str, str], int] = {}
    for word, scope in owner.build_scopes().items():
        rows = found.get((owner.brain_id, scope), ())
        entries[word] = {row.key: row.value for row in rows}
        revs.update({(word, row.key): row.rev for row in rows})
    return MemorySnapshot(entries, revs)


def _lock(db: Connection, pairs: Sequence[_Pair]) -> None:
    """Lock these scopes against other transactions until this one ends, also against first values.

    SQLite has one writer anyway. Everybody locks in the order of the keys, so that nobody waits in a circle.
    """
    if db.dialect.name != "postgresql":
        return
    keys = sorted(
        int.from_bytes(hashlib.blake2b(f"{brain_id}:{scope}".encode(), digest_size=8).digest(), signed=True)
        for brain_id, scope in pairs
    )
    db.execute(
        text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k"), {"keys": keys}
    )


class Asker(Protocol):
    """Caller of the leaderboard: its brain and the time (ms)."""

    @property
    def brain_id(self) -> int:
        """The brain."""
        ...

    @property
    def now(self) -> int:
        """Milliseconds since 1970."""
        ...


def select_highest(
    session: Session, asker: Asker, key: str, n: int, scope: str = "contact"
) -> list[tuple[int, float]]:
    """Return the `n` highest numbers under `key` with the ids of their contacts or chats, highest first."""
    query = (
        select(_c.scope, _c.value)
        .where(
            _c.brain_id == asker.brain_id,
            _c.key == key,
            _c.number.is_not(None),
            or_(_c.expires_at.is_(None), _c.expires_at > asker.now),
        )
        .where(_c.scope.startswith(f"{scope}:", autoescape=True))
        .order_by(_c.number.desc(), _c.id)
        .limit(n)
    )
    return [(int(row.scope.partition(":")[2]), row.value) for row in session.execute(query)]
