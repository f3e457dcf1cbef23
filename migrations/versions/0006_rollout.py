"""a version can be tried on part of the chats before it answers all

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op




revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
ACTIVE = sa.text('ended_at IS NULL')
TO_TELL = sa.text('tell_to IS NOT NULL')


def upgrade() -> None:
    with op.batch_alter_table('brain', schema=None) as batch_op:
        batch_op.add_column(sa.Column('candidate_version_id', Id, nullable=True))
        batch_op.add_column(sa.Column('candidate_percent', Id, server_default='0', nullable=False))
        batch_op.add_column(sa.Column('rollout_id', Id, nullable=True))
        batch_op.add_column(sa.Column('session_epoch', Id, server_default='0', nullable=False))
    with op.batch_alter_table('chat', schema=None) as batch_op:
        batch_op.add_column(sa.Column('session_version_id', Id, nullable=True))
        batch_op.add_column(sa.Column('session_brain_id', Id, nullable=True))
        batch_op.add_column(sa.Column('session_epoch', Id, server_default='0', nullable=False))
        batch_op.add_column(sa.Column('session_until', sa.BigInteger(), server_default='0', nullable=False))
    op.create_table('rollout',
    sa.Column('id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('version_id', Id, nullable=False),
    sa.Column('base_version_id', Id, nullable=False),
    sa.Column('mode', sa.String(length=8), nullable=False),
    sa.Column('percent', Id, nullable=False),
    sa.Column('extra_failures', Id, nullable=False),
    sa.Column('slower', Id, nullable=False),
    sa.Column('min_runs', Id, nullable=False),
    sa.Column('tally', sa.JSON(), nullable=False),
    sa.Column('cursor', sa.BigInteger(), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=False),
    sa.Column('started_by', Id, nullable=True),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.Column('ended_by', Id, nullable=True),
    sa.Column('ending', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('tell_to', sa.String(length=140), nullable=True),
    sa.Column('tell_connection_id', Id, nullable=True),
    sa.ForeignKeyConstraint(['base_version_id'], ['brain_version.id'], name=op.f('fk_rollout_base_version_id_brain_version')),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_rollout_brain_id_brain')),
    sa.ForeignKeyConstraint(['ended_by'], ['user_account.id'], name=op.f('fk_rollout_ended_by_user_account')),
    sa.ForeignKeyConstraint(['started_by'], ['user_account.id'], name=op.f('fk_rollout_started_by_user_account')),
    sa.ForeignKeyConstraint(['tell_connection_id'], ['connection.id'], name=op.f('fk_rollout_tell_connection_id_connection')),
    sa.ForeignKeyConstraint(['version_id'], ['brain_version.id'], name=op.f('fk_rollout_version_id_brain_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rollout'))
    )
    with op.batch_alter_table('rollout', schema=None) as batch_op:
        batch_op.create_index('ix_rollout_brain', ['brain_id', 'id'], unique=False)
        batch_op.create_index('ix_rollout_tell', ['id'], unique=False, postgresql_where=TO_TELL, sqlite_where=TO_TELL)
        batch_op.create_index('uq_rollout_active', ['brain_id'], unique=True, postgresql_where=ACTIVE, sqlite_where=ACTIVE)
    op.create_table('rollout_chat',
    sa.Column('rollout_id', Id, nullable=False),
    sa.Column('chat_id', Id, nullable=False),
    sa.Column('arm', sa.String(length=9), nullable=False),
    sa.ForeignKeyConstraint(['chat_id'], ['chat.id'], name=op.f('fk_rollout_chat_chat_id_chat')),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.id'], name=op.f('fk_rollout_chat_rollout_id_rollout')),
    sa.PrimaryKeyConstraint('rollout_id', 'chat_id', 'arm', name=op.f('pk_rollout_chat'))
    )
    op.create_table('rollout_change',
    sa.Column('id', Id, nullable=False),
    sa.Column('rollout_id', Id, nullable=False),
    sa.Column('message_id', Id, nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('after', sa.JSON(), nullable=False),
    sa.Column('notes', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_rollout_change_message_id_message')),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.id'], name=op.f('fk_rollout_change_rollout_id_rollout')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rollout_change'))
    )
    with op.batch_alter_table('rollout_change', schema=None) as batch_op:
        batch_op.create_index('ix_rollout_change_rollout', ['rollout_id', 'id'], unique=False)


def downgrade() -> None:
    for table in ('rollout_change', 'rollout_chat', 'rollout'):
        op.drop_table(table)
    with op.batch_alter_table('chat', schema=None) as batch_op:
        for column in ('session_until', 'session_epoch', 'session_brain_id', 'session_version_id'):
            batch_op.drop_column(column)
    with op.batch_alter_table('brain', schema=None) as batch_op:
        for column in ('session_epoch', 'rollout_id', 'candidate_percent', 'candidate_version_id'):
            batch_op.drop_column(column)
