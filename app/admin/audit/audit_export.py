"""Export of the audit: CSV for spreadsheets, NDJSON with the hashes; what is filtered, the oldest first, streamed."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.bot.chats.export import format_csv_row
from app.db.writer import Database
from app.logs.audit.models import AuditEntry
from app.logs.audit.reading import AuditFilter, iterate_entries
from app.logs.audit.stored_values import Unreadable

# The columns of an entry in the order in which its hash is computed over them (app.logs.audit.chain).
COLUMNS: Final = (
    "number", "at", "actor_kind", "actor_id", "actor_name", "address", "action", "subject_kind", "subject_id",
    "subject_name", "changes", "request_id", "key_id", "previous", "hash",
)  # fmt: skip


def export_csv(database: Database, query: AuditFilter) -> Iterator[str]:
    """Yield a table with a heading, in UTF-8 as spreadsheets recognise it; moments in UTC (ISO 8601)."""
    yield "\ufeff" + format_csv_row(COLUMNS)
    for entry in iterate_entries(database, query):
        row = _read_columns(entry)
        yield format_csv_row(
            {**row, "at": _format_moment(entry.at), "changes": _encode(entry.changes)}.values()
        )


def export_ndjson(database: Database, query: AuditFilter) -> Iterator[str]:
    """Yield one JSON object a line, with every column as it is hashed."""
    for entry in iterate_entries(database, query):
        yield _encode(_read_columns(entry)) + "\n"


FORMATS: Final[Mapping[str, tuple[str, Callable[[Database, AuditFilter], Iterator[str]]]]] = {
    "csv": ("text/csv", export_csv),
    "ndjson": ("application/x-ndjson", export_ndjson),
}


def _read_columns(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in COLUMNS}


def _format_moment(at: int) -> str:
    if isinstance(at, Unreadable):
        return at
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
