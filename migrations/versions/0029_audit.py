"""audit: entries in a chain of hashes, its head and its sealed keys; entries are only added

Revision: 0029, after 0028. Triggers as app.logs.audit.append_only wrote them when this migration was made.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SQLITE = tuple(
    f"CREATE TRIGGER {name} BEFORE {verb} "
    "BEGIN SELECT RAISE(ABORT, 'entries of the audit are only added'); END"
    for name, verb in (
        ("audit_entry_kept", "UPDATE ON audit_entry"),
        ("audit_entry_stays", "DELETE ON audit_entry"),
        (
            "audit_entry_new",
            "INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry WHERE number = NEW.number)",
        ),
    )
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_entry_kept() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN RAISE EXCEPTION 'entries of the audit are only added'; END $$",
    "CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_kept()",
)


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entry",
        sa.Column("number", big, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=12), nullable=False),
        sa.Column("actor_id", big, nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=80), nullable=False),
        sa.Column("subject_name", sa.String(length=200), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("key_id", big, nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor_kind", "actor_id", "number"])
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_kind", "subject_id", "number"])
    op.create_index("ix_audit_entry_action", "audit_entry", ["action", "number"])
    op.create_table(
        "audit_head",
        sa.Column("id", big, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_key",
        sa.Column("id", big, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_key")),
    )
    db = op.get_bind()
    for statement in SQLITE if db.dialect.name == "sqlite" else POSTGRESQL:
        db.exec_driver_sql(statement)


def downgrade() -> None:
    for table in ("audit_key", "audit_head", "audit_entry"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql("DROP FUNCTION IF EXISTS audit_entry_kept()")
