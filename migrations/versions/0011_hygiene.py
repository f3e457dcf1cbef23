"""pauses that end by themselves, and what keeps a conversation a conversation

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op




revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

PAUSED = sa.text('paused_until IS NOT NULL')


def upgrade() -> None:
    # Not in a batch: SQLite would copy the whole table for it.
    op.add_column('chat', sa.Column('paused_until', sa.BigInteger(), nullable=True))
    op.create_index('ix_chat_paused_until', 'chat', ['paused_until'],
                    postgresql_where=PAUSED, sqlite_where=PAUSED)
    op.add_column('connection', sa.Column('replies_per_minute', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'),
                                          server_default='0', nullable=False))
    op.add_column('connection', sa.Column('takeover_minutes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'),
                                          server_default='60', nullable=False))
    op.add_column('connection', sa.Column('loop_guard', sa.Boolean(), server_default=sa.text('TRUE'), nullable=False))


def downgrade() -> None:
    for name in ('loop_guard', 'takeover_minutes', 'replies_per_minute'):
        op.drop_column('connection', name)
    op.drop_index('ix_chat_paused_until', table_name='chat')
    op.drop_column('chat', 'paused_until')
