"""intent_training: trainings of a brain's intents by a worker, with progress

Revision: 0031, after 0030.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "intent_training",
        sa.Column("id", big, nullable=False),
        sa.Column("brain_id", big, nullable=False),
        sa.Column("training_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("progress", big, nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("model_id", big, nullable=True),
        sa.Column("user_id", big, nullable=True),
        sa.Column("attempts", big, nullable=False),
        sa.Column("taken_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["brain_id"], ["brain.id"], name=op.f("fk_intent_training_brain_id_brain")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_intent_training_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent_training")),
    )
    op.create_index("ix_intent_training_brain", "intent_training", ["brain_id", "id"])
    op.create_index(
        "uq_intent_training_active",
        "intent_training",
        ["brain_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("intent_training")
