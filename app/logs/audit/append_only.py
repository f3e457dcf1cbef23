"""Database triggers that refuse to change or delete an entry of the audit: protection against mistakes."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table, event

from app.db.schema import Base

_TABLE: Final = "audit_entry"
_WORDS: Final = "entries of the audit are only added"


def build_append_only_triggers(dialect: str) -> Iterator[str]:
    """Return the statements that make the table of entries refuse UPDATE, DELETE and a number twice."""
    if dialect == "sqlite":
        for name, verb in (("audit_entry_kept", "UPDATE"), ("audit_entry_stays", "DELETE")):
            yield f"CREATE TRIGGER {name} BEFORE {verb} ON {_TABLE} BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        # INSERT OR REPLACE fires neither of them for the row that it takes away.
        yield (
            f"CREATE TRIGGER audit_entry_new BEFORE INSERT ON {_TABLE} "  # noqa: S608  our own words
            f"WHEN EXISTS (SELECT 1 FROM {_TABLE} WHERE number = NEW.number) "
            f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        )
        return
    yield (
        "CREATE OR REPLACE FUNCTION audit_entry_kept() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN RAISE EXCEPTION '{_WORDS}'; END $$"
    )
    yield (
        f"CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_kept()"
    )


@event.listens_for(Table, "after_create")
def _create_triggers(table: Table, db: Connection, **_: object) -> None:
    if table.name == _TABLE and table.metadata is Base.metadata:
        for statement in build_append_only_triggers(db.dialect.name):
            db.exec_driver_sql(statement)
