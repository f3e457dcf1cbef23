"""repeats: how often a message was delivered again

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op




revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    # Without a batch: the table need not be copied, and its partial indexes stay as they are.
    op.add_column('message', sa.Column('repeats', Id, server_default='0', nullable=False))


def downgrade() -> None:
    op.drop_column('message', 'repeats')
