"""Check of the audit's entries one after another: each by its hash, its number and the entry before it."""

import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from app.db.schema import get_table
from app.logs.audit.chain import START, compute_hash
from app.logs.audit.finding import Finding, FindingKind
from app.logs.audit.models import AuditEntry
from app.logs.audit.stored_values import Unreadable

Entry = Mapping[Any, Any]
Keys = Mapping[int, bytes | None]

# Entries read at a time.
_CHUNK: Final = 1_000
# Entries that are looked for under another number, each by a walk through the table's hashes.
_MAX_SEARCHES: Final = 50
# Clocks of several processes differ a little.
_CLOCK_TOLERANCE_MS: Final = 60_000
_table = get_table(AuditEntry)


def read_entries(db: Connection) -> Iterator[Entry]:
    """Yield the entries by their numbers, in bounded memory."""
    last: int | None = None
    while True:
        query = select(_table).order_by(_table.c.number).limit(_CHUNK)
        rows = db.execute(query if last is None else query.where(_table.c.number > last)).mappings().all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        last = rows[-1]["number"]


class EntryCheck:
    """Walks the entries; afterwards `last` is the last of them, `findings` what is wrong with them.

    Nobody without the key can write an entry that is right for itself: by its number, what it says, and `previous`.
    """

    def __init__(self, db: Connection, keys: Keys, head: tuple[int, str] | None) -> None:
        self._db = db
        self._keys = keys
        self._head = head
        self._searches = 0
        # By the numbers they have now, the numbers under which entries were written.
        self._moved: dict[int, int] = {}
        self.findings: list[Finding] = []
        self.last: Entry | None = None

    def run(self, tell: Callable[[int], None] | None = None) -> None:
        """Check all entries; `tell` hears after each thousand, and at the end, how many are checked."""
        entries = read_entries(self._db)
        entry, expected, count = next(entries, None), 1, 0
        while entry is not None:
            count += 1
            if tell and count % _CHUNK == 0:
                tell(count)
            following = next(entries, None)
            number = entry["number"]
            if number > expected:
                kind = FindingKind.BEGINNING_REMOVED if expected == 1 else FindingKind.REMOVED
                self.findings.append(Finding(kind, expected, number - 1))
            kind = self._check(entry, following, has_gap=number > expected)
            if kind:
                self._note(kind, number)
            self.last, expected = entry, number + 1
            entry = following
        if tell:
            tell(count)
        if set(self._moved) == set(self._moved.values()):
            self._name_reordered()

    def _note(self, kind: FindingKind, number: int) -> None:
        """Add a finding; one of the same kind at the entry before becomes longer, so that a million stay few."""
        last = self.findings[-1] if self.findings else None
        if last and last.kind == kind and last.last == number - 1:
            self.findings[-1] = Finding(kind, last.first, number)
        else:
            self.findings.append(Finding(kind, number, number))

    def _check(self, entry: Entry, following: Entry | None, *, has_gap: bool) -> FindingKind | None:
        number, before = entry["number"], self.last
        if is_unreadable(entry):
            return FindingKind.ALTERED
        is_linked = has_gap or entry["previous"] == (before["hash"] if before else START)
        key = self._keys.get(entry["key_id"])
        if key and not _is_hash_right(key, entry):
            return self._classify(key, entry, following, is_linked=is_linked)
        # What is wrong with the entry before is no fault of this one.
        is_explained = bool(self.findings) and self.findings[-1].last == number - 1
        if not is_linked and not is_explained:
            return FindingKind.LINK_ALTERED
        if key is None:
            is_there = entry["key_id"] in self._keys
            return FindingKind.KEY_UNREADABLE if is_there else FindingKind.KEY_REMOVED
        is_back = before is not None and _is_earlier(entry, before, _CLOCK_TOLERANCE_MS)
        return FindingKind.CLOCK_BACK if is_back and not is_explained else None

    def _classify(self, key: bytes, entry: Entry, following: Entry | None, *, is_linked: bool) -> FindingKind:
        """Return what was done to an entry whose hash is not that of what it says."""
        number = entry["number"]
        written_as = self._find_written_number(key, entry)
        if written_as is not None:
            copies = select(_table.c.number).where(_table.c.hash == entry["hash"])
            if len(self._db.scalars(copies).all()) > 1:
                return FindingKind.DUPLICATED
            self._moved[number] = written_as
            return FindingKind.RENUMBERED
        if self._is_followed_by_moved(following, number) or (not following and self._is_beyond_head(number)):
            return FindingKind.INSERTED
        if not is_linked:
            return FindingKind.LINK_ALTERED
        if not self._is_hash_kept(entry, following):
            return FindingKind.REHASHED
        is_back = self.last is not None and _is_earlier(entry, self.last)
        return FindingKind.TIME_MOVED if is_back else FindingKind.ALTERED

    def _is_followed_by_moved(self, following: Entry | None, number: int) -> bool:
        """Tell whether the next entry was written under this number: this one came in between."""
        key = self._keys.get(following["key_id"]) if following else None
        return bool(following and key) and _is_hash_right(key or b"", {**(following or {}), "number": number})

    def _is_beyond_head(self, number: int) -> bool:
        return self._head is not None and number > self._head[0]

    def _is_hash_kept(self, entry: Entry, following: Entry | None) -> bool:
        """Tell whether the hash of an entry is the one that the next, or the head, was given."""
        if following is not None:
            return following["previous"] == entry["hash"]
        return self._head is None or self._head[1] == entry["hash"]

    def _find_written_number(self, key: bytes, entry: Entry) -> int | None:
        """Return another number for which the hash of an entry is right."""
        number = entry["number"]
        shift = self._moved.get(number - 1, number) - (number - 1)
        near = {1, number - 1, number + 1, number + shift}
        found = next((each for each in near if _is_hash_right(key, {**entry, "number": each})), None)
        if found is not None or self._searches >= _MAX_SEARCHES:
            return found
        self._searches += 1
        query = select(_table.c.number).where(_table.c.hash == entry["previous"]).limit(2)
        far = (predecessor + 1 for predecessor in self._db.scalars(query).all())
        return next((each for each in far if _is_hash_right(key, {**entry, "number": each})), None)

    def _name_reordered(self) -> None:
        """Call entries reordered that took each other's numbers."""
        for place, finding in enumerate(self.findings):
            if finding.kind == FindingKind.RENUMBERED:
                self.findings[place] = Finding(FindingKind.REORDERED, finding.first, finding.last)


def is_unreadable(entry: Entry) -> bool:
    """Tell whether a column of an entry holds what was never written to it."""
    return any(isinstance(value, Unreadable) for value in entry.values())


def _is_earlier(entry: Entry, before: Entry, tolerance_ms: int = 0) -> bool:
    """Tell whether an entry has an earlier time than the one before it, as far as both can be read."""
    return not isinstance(before["at"], Unreadable) and entry["at"] < before["at"] - tolerance_ms


def _is_hash_right(key: bytes, entry: Entry) -> bool:
    # As bytes: of two texts only ASCII is compared.
    return hmac.compare_digest(compute_hash(key, entry, entry["previous"]).encode(), entry["hash"].encode())
