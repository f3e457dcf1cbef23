"""sources of log events with their tokens, and sinks that events are forwarded to

Revision: 0028, after 0027. The events themselves lie in a store of their own (docs/decisions/0024).
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "log_source",
        sa.Column("id", big, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("events_per_second", big, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_source")),
        sa.UniqueConstraint("name", name=op.f("uq_log_source_name")),
        sa.UniqueConstraint("key", name=op.f("uq_log_source_key")),
    )
    op.create_table(
        "log_sink",
        sa.Column("id", big, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("level", big, nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_sink")),
        sa.UniqueConstraint("name", name=op.f("uq_log_sink_name")),
    )


def downgrade() -> None:
    op.drop_table("log_sink")
    op.drop_table("log_source")
