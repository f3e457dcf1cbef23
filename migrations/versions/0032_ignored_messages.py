"""ignored_message: messages taken out of the list of those that were not understood

Revision: 0032, after 0030.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ignored_message",
        sa.Column("brain_id", big, nullable=False),
        sa.Column("message_id", big, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["brain_id"], ["brain.id"], name=op.f("fk_ignored_message_brain_id_brain")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_ignored_message_message_id_message")
        ),
        sa.PrimaryKeyConstraint("brain_id", "message_id", name=op.f("pk_ignored_message")),
    )
    op.create_index("ix_ignored_message_message", "ignored_message", ["message_id"])


def downgrade() -> None:
    op.drop_index("ix_ignored_message_message", "ignored_message")
    op.drop_table("ignored_message")
