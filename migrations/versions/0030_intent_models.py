"""intent_model: trained models of intents; brain_version names its own

Revision: 0030, after 0029.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "intent_model",
        sa.Column("id", big, nullable=False),
        sa.Column("brain_id", big, nullable=False),
        sa.Column("training_digest", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("encoder", sa.String(length=60), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["brain_id"], ["brain.id"], name=op.f("fk_intent_model_brain_id_brain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent_model")),
        sa.UniqueConstraint("brain_id", "digest", name=op.f("uq_intent_model_brain_id_digest")),
    )
    op.add_column("brain_version", sa.Column("intent_model_id", big, nullable=True))


def downgrade() -> None:
    op.drop_column("brain_version", "intent_model_id")
    op.drop_table("intent_model")
