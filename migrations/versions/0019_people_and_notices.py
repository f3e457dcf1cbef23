"""who wrote in groups, parts of receipts, levels of notices

Revision: 0019, after 0017. The present notices get their level and their person; of those that need somebody, only
the last week's are new: what is older was lived with.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from app.channels.content.notice_texts import describe_notice, find_person
from app.clock import DAY_MS, get_now_ms

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

CHANGE = sa.text("kind IN ('edit','revoke')")
WRITTEN = sa.text("contact_id IS NOT NULL")
UNSEEN = sa.text("level IN ('warn','bad') AND seen_at IS NULL")
PERSON = sa.text("person IS NOT NULL")


def partial(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=where, sqlite_where=where)


def fill_notices(db: sa.Connection) -> None:
    """Give the present notices what notices are stored with from now on."""
    notice = sa.table("notice", *map(sa.column, ("id", "field", "payload", "created_at", "level", "person", "seen_at")))
    query = sa.select(notice.c.id, notice.c.field, notice.c.payload, notice.c.created_at).order_by(notice.c.id)
    last, recent = 0, get_now_ms() - 7 * DAY_MS
    while rows := db.execute(query.where(notice.c.id > last).limit(1_000)).all():
        last = rows[-1].id
        for row in rows:
            payload = read_payload(row.payload)
            level, person = describe_notice(row.field, payload).level, find_person(payload)
            if level != "info" or person:
                seen_at = row.created_at if level != "info" and row.created_at < recent else None
                values = {"level": level, "person": person, "seen_at": seen_at}
                db.execute(sa.update(notice).where(notice.c.id == row.id).values(values))


def read_payload(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def upgrade() -> None:
    op.add_column("message", sa.Column("delivery", sa.JSON(), nullable=True))
    op.add_column("message", sa.Column("contact_id", Id, nullable=True))
    partial("ix_message_change", "message", ["quoted_id"], CHANGE)
    partial("ix_message_contact", "message", ["contact_id"], WRITTEN)
    op.add_column("notice", sa.Column("level", sa.String(length=4), server_default="info", nullable=False))
    op.add_column("notice", sa.Column("person", sa.String(length=140), nullable=True))
    op.add_column("notice", sa.Column("seen_at", sa.BigInteger(), nullable=True))
    fill_notices(op.get_bind())
    partial("ix_notice_unseen", "notice", ["id"], UNSEEN)
    partial("ix_notice_person", "notice", ["connection_id", "person", "id"], PERSON)


def downgrade() -> None:
    for index in ("ix_notice_person", "ix_notice_unseen"):
        op.drop_index(index, table_name="notice")
    for column in ("seen_at", "person", "level"):
        op.drop_column("notice", column)
    for index in ("ix_message_contact", "ix_message_change"):
        op.drop_index(index, table_name="message")
    for column in ("contact_id", "delivery"):
        op.drop_column("message", column)
