"""when messages are marked as read, whether typing is shown, since when a group has its subject

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connection", sa.Column("mark_read", sa.String(length=8), server_default="off", nullable=False))
    op.add_column(
        "connection", sa.Column("show_typing", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False)
    )
    op.add_column("chat", sa.Column("title_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("chat", "title_at")
    for column in ("show_typing", "mark_read"):
        op.drop_column("connection", column)
