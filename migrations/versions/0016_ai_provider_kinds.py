"""AI providers: the kind, and the settings that only this kind has

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ai_provider", sa.Column("kind", sa.String(length=40), server_default="openai", nullable=False)
    )
    op.add_column("ai_provider", sa.Column("options", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("ai_provider", "options")
    op.drop_column("ai_provider", "kind")
