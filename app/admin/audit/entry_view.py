"""View model of an entry: who and what in words, a line that sums it up, and its changed rows."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from app.admin.audit import value_diff
from app.admin.audit.audit_export import COLUMNS
from app.admin.audit.audit_filters import name_actor
from app.admin.audit.column_words import name_column
from app.admin.audit.value_diff import ChangedValue
from app.logs.audit.models import AuditEntry
from app.logs.audit.stored_values import Unreadable

# Longer values say too little in one line.
_SUMMARY_CHARS: Final = 40
_MAX_NAMES: Final = 3
_UNREADABLE: Final = "altered: not all of it can be read"


class ChangedRow:
    """One changed row of an entry: its kind and name, what became of it, its lines."""

    def __init__(self, change: Mapping[str, Any]) -> None:
        self.kind = str(change.get("kind", ""))
        self.id = str(change.get("id", ""))
        self.name = str(change.get("name", ""))
        # More rows of the kind that the entry only counts; bytes of what was too much to keep.
        self.more = int(change.get("more", 0))
        self.size = int(change.get("size", 0))
        self._before = change.get("before")
        self._after = change.get("after")

    @property
    def verb(self) -> str:
        """Return created, deleted or changed."""
        if self._before is None and self._after is not None:
            return "created"
        return "deleted" if self._after is None and self._before is not None else "changed"

    @cached_property
    def values(self) -> list[ChangedValue]:
        """The lines of this row, the long ones last."""
        found = value_diff.list_values(self.kind, self._before, self._after)
        return sorted(found, key=lambda line: line.is_long)

    @property
    def shown(self) -> list[ChangedValue]:
        """Return the lines a page shows."""
        return self.values[: value_diff.MAX_LINES]

    @property
    def left_out(self) -> int:
        """Return how many lines there are beyond those."""
        return max(0, len(self.values) - value_diff.MAX_LINES)


class EntryView:
    """One entry as the pages show it; `href` leads to its subject, empty where it is gone or has no page."""

    def __init__(self, entry: AuditEntry, href: str = "") -> None:
        self.entry = entry
        self.href = href

    @property
    def actor(self) -> str:
        """Return who did it, in words."""
        return name_actor(self.entry.actor_kind, self.entry.actor_name)

    @property
    def actor_value(self) -> str:
        """Return the value of the filter that selects what this actor did."""
        entry = self.entry
        return entry.actor_kind if entry.actor_id is None else f"{entry.actor_kind}:{entry.actor_id}"

    @cached_property
    def rows(self) -> list[ChangedRow]:
        """The changed rows."""
        changes = self.entry.changes
        return [] if isinstance(changes, Unreadable) else [ChangedRow(change) for change in changes]

    @property
    def at(self) -> int | None:
        """Return when it was, in ms; None where the column cannot be read."""
        return None if isinstance(self.entry.at, Unreadable) else self.entry.at

    @cached_property
    def unreadable(self) -> list[tuple[str, str]]:
        """The columns that hold what was never written to them: name, and what can be shown."""
        values = ((name, getattr(self.entry, name)) for name in COLUMNS)
        return [(name_column("", name), value) for name, value in values if isinstance(value, Unreadable)]

    @property
    def summary(self) -> str:
        """Return in a line what changed: one value, the names of some, or the rows."""
        if self.unreadable or not self.rows:
            return _UNREADABLE if self.unreadable else ""
        if len(self.rows) > 1:
            return _sum_up_rows(self.rows)
        row = self.rows[0]
        if row.more or row.size:
            return "too much to keep"
        if row.verb != "changed":
            # What a row belongs to is the entry's subject, and does not name it.
            return row.name if row.kind != self.entry.subject_kind else ""
        if len(row.values) == 1:
            return _sum_up_value(row.values[0])
        names = ", ".join(_lower(value.label) for value in row.values[:_MAX_NAMES])
        more = len(row.values) - _MAX_NAMES
        return f"{len(row.values)} fields: {names}{f' and {more} more' if more > 0 else ''}"


def _sum_up_value(value: ChangedValue) -> str:
    if value.is_hidden:
        return f"{_lower(value.label)}: hidden"
    texts = [value_diff.NOTHING if each is None else each for each in (value.before, value.after)]
    if any(len(each) > _SUMMARY_CHARS or "\n" in each for each in texts):
        return _lower(value.label)
    # Isolated, so that a text from right to left leaves the arrow where it is.
    return f"{_lower(value.label)}: \u2068{texts[0]}\u2069 → \u2068{texts[1]}\u2069"


def _sum_up_rows(rows: Sequence[ChangedRow]) -> str:
    kinds = list(dict.fromkeys(row.kind for row in rows))
    count = sum(row.more or 1 for row in rows)
    names = ", ".join(kinds[:_MAX_NAMES]) + (" and others" if len(kinds) > _MAX_NAMES else "")
    return f"{count} rows: {names}"


def _lower(label: str) -> str:
    """Return a label within a sentence; one that begins with an abbreviation stays."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
