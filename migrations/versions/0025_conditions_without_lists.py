"""Conditions of triggers and partial indexes without value lists

SQLite builds a table for each `IN (...)` of a trigger or partial index whenever a row is written.

Revision: 0025, after 0024.
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Index, table, columns, column of the condition, its values, and what else must hold.
INDEXES = (
    ("ix_message_open", "message", ("chat_id", "id"), "state", ("queued", "sending", "retry", "unknown"), ""),
    ("ix_message_trouble", "message", ("state", "id"), "state", ("dead", "unknown", "held", "failed"), ""),
    (
        "ix_message_desk",
        "message",
        ("error_code", "id", "direction", "state", "connection_id", "brain_id"),
        "state",
        ("dead", "unknown", "held", "failed", "retry"),
        " AND aside_at IS NULL",
    ),
    ("ix_message_stuck", "message", ("chat_id", "state"), "state", ("dead", "unknown", "held", "failed"), ""),
    ("ix_message_change", "message", ("quoted_id",), "kind", ("edit", "revoke"), ""),
    ("ix_message_about", "message", ("chat_id", "quoted_id"), "kind", ("reaction", "edit"), ""),
    ("ix_notice_unseen", "notice", ("id",), "level", ("warn", "bad"), " AND seen_at IS NULL"),
)
LIST = re.compile(r"(\w+\.state) IN \(([^()]*)\)")
ALTERNATIVES = re.compile(r"\((\w+\.state = '\w+'(?: OR \w+\.state = '\w+')*)\)")


def write_list(column: str, values: tuple[str, ...]) -> str:
    listed = ",".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


def write_alternatives(column: str, values: tuple[str, ...]) -> str:
    return "(" + " OR ".join(f"{column} = '{value}'" for value in values) + ")"


def unfold(text: str) -> str:
    def alternatives(found: re.Match[str]) -> str:
        values = tuple(value.strip().strip("'") for value in found[2].split(","))
        return write_alternatives(found[1], values)

    return LIST.sub(alternatives, text)


def fold(text: str) -> str:
    def listed(found: re.Match[str]) -> str:
        pairs = [each.split(" = ") for each in found[1].split(" OR ")]
        return f"{pairs[0][0]} IN ({', '.join(value for _, value in pairs)})"

    return ALTERNATIVES.sub(listed, text)


def write_triggers(change: Callable[[str], str]) -> None:
    db = op.get_bind()
    for name in ("message_new", "message_gone", "message_moved"):
        if db.dialect.name == "sqlite":
            select = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name"
            text = db.execute(sa.text(select), {"name": name}).scalar_one()
            db.exec_driver_sql(f"DROP TRIGGER {name}")
            db.exec_driver_sql(change(text))
        else:
            select = "SELECT prosrc FROM pg_proc WHERE proname = :name"
            text = db.execute(sa.text(select), {"name": name}).scalar_one()
            db.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${change(text)}$$"
            )


def write_indexes(build: Callable[[str, tuple[str, ...]], str]) -> None:
    for name, table, columns, column, values, more in INDEXES:
        where = sa.text(build(column, values) + more)
        op.drop_index(name, table_name=table)
        op.create_index(name, table, list(columns), postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    write_triggers(unfold)
    write_indexes(write_alternatives)


def downgrade() -> None:
    write_triggers(fold)
    write_indexes(write_list)
