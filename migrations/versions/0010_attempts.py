"""failed tries kept one by one, messages set aside, and what operators do to many of them

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op




revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
DESK = sa.text("state IN ('dead','unknown','held','failed','retry') AND aside_at IS NULL")
ASIDE = sa.text('aside_at IS NOT NULL')
ERRAND = sa.text('errand_id IS NOT NULL')
OPEN = sa.text('ended_at IS NULL')


def upgrade() -> None:
    op.create_table('errand',
    sa.Column('id', Id, nullable=False),
    sa.Column('act', sa.String(length=12), nullable=False),
    sa.Column('cause', sa.String(length=20), nullable=False),
    sa.Column('wish', sa.JSON(), nullable=False),
    sa.Column('ids', sa.JSON(), nullable=True),
    sa.Column('user_id', Id, nullable=True),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('seen', sa.BigInteger(), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('place', sa.BigInteger(), nullable=False),
    sa.Column('upto', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.Column('cancelled', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_errand_user_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_errand'))
    )
    op.create_index('ix_errand_open', 'errand', ['id'], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_index('ix_errand_created', 'errand', ['created_at'])
    op.create_table('attempt',
    sa.Column('id', Id, nullable=False),
    sa.Column('message_id', Id, nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('number', Id, nullable=False),
    sa.Column('outcome', sa.String(length=12), nullable=False),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.Column('error', sa.String(length=500), nullable=True),
    sa.Column('user_id', Id, nullable=True),
    sa.Column('errand_id', Id, nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_attempt_message_id_message')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_attempt_user_id_user_account')),
    sa.ForeignKeyConstraint(['errand_id'], ['errand.id'], name=op.f('fk_attempt_errand_id_errand')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt'))
    )
    op.create_index('ix_attempt_message', 'attempt', ['message_id', 'id'])
    op.create_index('ix_attempt_errand', 'attempt', ['errand_id', 'message_id'],
                    postgresql_where=ERRAND, sqlite_where=ERRAND)
    # Not in a batch: SQLite would copy the whole table of messages for it.
    op.add_column('message', sa.Column('aside_at', sa.BigInteger(), nullable=True))
    op.create_index('ix_message_desk', 'message', ['error_code', 'id', 'direction', 'state', 'connection_id'],
                    postgresql_where=DESK, sqlite_where=DESK)
    op.create_index('ix_message_aside', 'message', ['aside_at', 'id'], postgresql_where=ASIDE, sqlite_where=ASIDE)


def downgrade() -> None:
    op.drop_index('ix_message_aside', table_name='message')
    op.drop_index('ix_message_desk', table_name='message')
    op.drop_column('message', 'aside_at')
    op.drop_table('attempt')
    op.drop_table('errand')
