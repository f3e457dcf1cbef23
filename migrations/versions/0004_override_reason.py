"""versions published with red tests keep the reason

Revision: 0004, after 0003.
"""

from alembic import op
import sqlalchemy as sa




revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('brain_version', sa.Column('override_reason', sa.String(length=500), nullable=True))


def downgrade() -> None:
    op.drop_column('brain_version', 'override_reason')
