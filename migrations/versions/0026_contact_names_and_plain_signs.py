"""when the newest message was sent that told a contact's name; words of the index are folded otherwise

Revision: 0026, after 0025. The rows are indexed anew by a job while messages come in.
"""

import sqlalchemy as sa
from alembic import op
from app.bot import full_text

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("name_at", sa.BigInteger(), nullable=True))
    full_text.replace_index(op.get_bind())


def downgrade() -> None:
    op.drop_column("contact", "name_at")
    # The older version fills it again with words as it folds them.
    full_text.replace_index(op.get_bind())
