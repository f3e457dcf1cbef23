"""What brains remember, in the database: snapshots for runs, changes in the writer's transaction."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from app.brains import limits
from app.brains.effects import Forget, MemoryEffect
from app.brains.models import Memory
from app.brains.overlay import change, check_scope, ends_at
from app.brains.values import BadEffect
from app.db import table_of

_table = table_of(Memory)
_c = _table.c
# A row made anew must not look like the one before it: counts begin at the moment, this many steps a millisecond.
_STEPS: Final = 1_024
WHOLE: Final = "*"  # stands for all keys of a scope among the reads

_Pair = tuple[int, str]  # brain, stored scope


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memory a run sees: its brain, its contact (unknown in some groups) and its chat."""

    brain_id: int
    contact_id: int | None
    chat_id: int

    def scopes(self) -> dict[str, str]:
        """Return the stored scopes by the words contact, chat and brain."""
        # Where a group does not say who wrote, its unknown people share one memory.
        person = f"group:{self.chat_id}" if self.contact_id is None else f"contact:{self.contact_id}"
        return {"contact": person, "chat": f"chat:{self.chat_id}", "brain": "brain"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Remembered values by scope and key, and the revision of each by (scope, key)."""

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    revs: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one run wants to remember; `run` is any name for it, `revs` are those of its snapshot."""

    run: Hashable
    owner: Owner
    effects: Sequence[MemoryEffect]
    reads: Sequence[tuple[str, str]]
    revs: Mapping[tuple[str, str], int]
    now: int  # ms
    max_entries: int = limits.MEMORY_ENTRIES

    def touched(self) -> set[tuple[int, str]]:
        """Return brain and stored scope of everything that is read or changed."""
        scopes = self.owner.scopes()
        words = {effect.scope for effect in self.effects} | {scope for scope, _ in self.reads}
        return {(self.owner.brain_id, scopes[word]) for word in words}


def snapshot(db: Connection, owners: Sequence[Owner], now: int) -> list[Snapshot]:
    """Read what each of `owners` remembers, in one query; what has expired by `now` (ms) is gone."""
    pairs = {(owner.brain_id, scope) for owner in owners for scope in owner.scopes().values()}
    query = select(_c.brain_id, _c.scope, _c.key, _c.value, _c.rev).where(
        tuple_(_c.brain_id, _c.scope).in_(sorted(pairs)), _alive(now)
    )
    found: dict[_Pair, list[Any]] = {}
    for row in db.execute(query) if pairs else ():
        found.setdefault((row.brain_id, row.scope), []).append(row)
    return [_snapshot(owner, found) for owner in owners]


def apply(db: Connection, runs: Sequence[Changes]) -> set[Hashable]:
    """Store the changes of runs, in their order and all of a run or nothing; called in the writer's transaction.

    Returns the runs that are in conflict, of which nothing is stored: they read something that has changed since
    their snapshot, or no longer fit into the limits. They must be run again.
    """
    changing = [run for run in runs if run.effects]
    pairs = sorted({pair for run in changing for pair in run.touched()})
    if not pairs:
        return set()
    _lock(db, pairs)
    shelf = _Shelf(db, pairs)
    conflicts = {run.run for run in changing if not shelf.take(run)}
    shelf.write(db)
    return conflicts


def sweep(db: Connection, now: int, limit: int = 500) -> int:
    """Delete at most `limit` values that have expired, and return how many."""
    old = select(_c.id).where(_c.expires_at <= now).order_by(_c.expires_at).limit(limit)
    return db.execute(delete(_table).where(_c.id.in_(old))).rowcount


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value on its way through the changes of a transaction; null = gone, `id` null = not stored yet."""

    id: int | None = None
    value: Any = None
    rev: int = 0
    expires_at: int | None = None
    changed: bool = True

    def live(self, now: int) -> bool:
        """Whether it is remembered at a moment (ms)."""
        return self.value is not None and (self.expires_at is None or self.expires_at > now)


_ABSENT = _Entry()
_Scope = dict[str, _Entry]


class _Shelf:
    """All values of some scopes, worked on in memory under their locks, then written at once."""

    def __init__(self, db: Connection, pairs: Sequence[_Pair]) -> None:
        query = select(_c.brain_id, _c.scope, _c.key, _c.id, _c.value, _c.rev, _c.expires_at)
        self._scopes: dict[_Pair, _Scope] = {pair: {} for pair in pairs}
        for row in db.execute(query.where(tuple_(_c.brain_id, _c.scope).in_(pairs))):
            entry = _Entry(row.id, row.value, row.rev, row.expires_at, changed=False)
            self._scopes[row.brain_id, row.scope][row.key] = entry
        self._now = 0

    def take(self, run: Changes) -> bool:
        """Take over the changes of a run; false, with nothing taken, when it is in conflict."""
        scopes = run.owner.scopes()
        if not all(self._is_unchanged(run, scope, key) for scope, key in run.reads):
            return False
        work: dict[str, _Scope] = {}
        try:
            for effect in run.effects:
                if effect.scope not in work:
                    work[effect.scope] = dict(self._scopes[run.owner.brain_id, scopes[effect.scope]])
                _step(work[effect.scope], effect, run.now)
            # Taking something away is always allowed, also where there is too much.
            for scope in {effect.scope for effect in run.effects if not isinstance(effect, Forget)}:
                check_scope(scope, _values(work[scope], run.now), run.max_entries)
        except BadEffect:
            return False
        self._scopes.update({(run.owner.brain_id, scopes[scope]): work[scope] for scope in work})
        self._now = max(self._now, run.now)
        return True

    def _is_unchanged(self, run: Changes, scope: str, key: str) -> bool:
        entries = self._scopes[run.owner.brain_id, run.owner.scopes()[scope]]
        if key == WHOLE:
            before = {name: rev for (where, name), rev in run.revs.items() if where == scope}
            return before == {name: entry.rev for name, entry in entries.items() if entry.live(run.now)}
        entry = entries.get(key, _ABSENT)
        return (entry.rev if entry.live(run.now) else 0) == run.revs.get((scope, key), 0)

    def write(self, db: Connection) -> None:
        """Write what has changed."""
        made: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        gone: list[int] = []
        for (brain_id, scope), entries in self._scopes.items():
            changed = {key: entry for key, entry in entries.items() if entry.changed}
            gone += [e.id for e in changed.values() if e.id is not None and e.value is None]
            for key, entry in changed.items():
                if entry.value is not None and entry.id is None:
                    made.append({"brain_id": brain_id, "scope": scope, "key": key, **self._row(entry)})
                elif entry.value is not None:
                    kept.append({"row_id": entry.id, **self._row(entry)})
        if gone:
            db.execute(delete(_table).where(_c.id.in_(gone)))
        if kept:
            db.execute(update(_table).where(_c.id == bindparam("row_id")), kept)
        if made:
            db.execute(insert(_table), made)

    def _row(self, entry: _Entry) -> dict[str, Any]:
        number = float(entry.value) if type(entry.value) in {int, float} else None
        return {
            "value": entry.value,
            "number": number,
            "rev": entry.rev,
            "expires_at": entry.expires_at,
            "updated_at": self._now,
        }


def _step(entries: _Scope, effect: MemoryEffect, now: int) -> None:
    """Apply one effect; raises BadEffect when a text is to be incremented."""
    before = entries.get(effect.key, _ABSENT)
    was_live = before.live(now)
    value = {effect.key: before.value} if was_live else {}
    change(value, effect)
    forgotten = isinstance(effect, Forget)
    expires_at = None if forgotten else ends_at(effect, now, before.expires_at, was_live=was_live)
    rev = max(before.rev + 1, now * _STEPS)
    entries[effect.key] = _Entry(before.id, value.get(effect.key), rev, expires_at)


def _values(entries: _Scope, now: int) -> dict[str, Any]:
    return {key: entry.value for key, entry in entries.items() if entry.live(now)}


def _alive(now: int) -> ColumnElement[bool]:
    return or_(_c.expires_at.is_(None), _c.expires_at > now)


def _snapshot(owner: Owner, found: Mapping[_Pair, Sequence[Any]]) -> Snapshot:
    entries: dict[str, dict[str, Any]] = {}
    revs: dict[tuple[str, str], int] = {}
    for word, scope in owner.scopes().items():
        rows = found.get((owner.brain_id, scope), ())
        entries[word] = {row.key: row.value for row in rows}
        revs.update({(word, row.key): row.rev for row in rows})
    return Snapshot(entries, revs)


def _lock(db: Connection, pairs: Sequence[_Pair]) -> None:
    """Let no other transaction change these scopes until this one ends, not even by adding the first value.

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
