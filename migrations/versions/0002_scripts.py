"""scripts: memory, schedules, faults, journals, pauses

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op




revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('memory',
    sa.Column('id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('scope', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('number', sa.Double(), nullable=True),
    sa.Column('rev', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_memory_brain_id_brain')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memory')),
    sa.UniqueConstraint('brain_id', 'scope', 'key', name=op.f('uq_memory_brain_id_scope_key'))
    )
    with op.batch_alter_table('memory', schema=None) as batch_op:
        batch_op.create_index('ix_memory_number', ['brain_id', 'key', 'number'], unique=False)
        batch_op.create_index('ix_memory_expires', ['expires_at'], unique=False, postgresql_where=sa.text('expires_at IS NOT NULL'), sqlite_where=sa.text('expires_at IS NOT NULL'))

    # SQLite must never give the id of a delivered schedule to another one.
    op.create_table('schedule',
    sa.Column('id', Id, nullable=False),
    sa.Column('connection_id', Id, nullable=False),
    sa.Column('chat_id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('command_id', sa.String(length=40), nullable=False),
    sa.Column('command', sa.String(length=100), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('arguments', sa.JSON(), nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('by_message_id', Id, nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_schedule_brain_id_brain')),
    sa.ForeignKeyConstraint(['by_message_id'], ['message.id'], name=op.f('fk_schedule_by_message_id_message')),
    sa.ForeignKeyConstraint(['chat_id'], ['chat.id'], name=op.f('fk_schedule_chat_id_chat')),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_schedule_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.create_index('ix_schedule_chat', ['chat_id'], unique=False)
        batch_op.create_index('ix_schedule_due', ['due_at'], unique=False)
        batch_op.create_index('uq_schedule_name', ['chat_id', 'brain_id', 'name'], unique=True, postgresql_where=sa.text("name <> ''"), sqlite_where=sa.text("name <> ''"))

    op.create_table('fault',
    sa.Column('id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('command_id', sa.String(length=40), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('message', sa.String(length=500), nullable=False),
    sa.Column('fix', sa.String(length=500), nullable=False),
    sa.Column('line', Id, nullable=True),
    sa.Column('column', Id, nullable=True),
    sa.Column('excerpt', sa.JSON(), nullable=False),
    sa.Column('version_id', Id, nullable=True),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.Column('first_at', sa.BigInteger(), nullable=False),
    sa.Column('last_at', sa.BigInteger(), nullable=False),
    sa.Column('last_message_id', Id, nullable=True),
    sa.Column('last_chat_id', Id, nullable=True),
    sa.Column('tell_to', sa.String(length=140), nullable=True),
    sa.Column('tell_connection_id', Id, nullable=True),
    sa.Column('told_at', sa.BigInteger(), nullable=True),
    sa.Column('settled_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_fault_brain_id_brain')),
    sa.ForeignKeyConstraint(['last_chat_id'], ['chat.id'], name=op.f('fk_fault_last_chat_id_chat')),
    sa.ForeignKeyConstraint(['last_message_id'], ['message.id'], name=op.f('fk_fault_last_message_id_message')),
    sa.ForeignKeyConstraint(['tell_connection_id'], ['connection.id'], name=op.f('fk_fault_tell_connection_id_connection')),
    sa.ForeignKeyConstraint(['version_id'], ['brain_version.id'], name=op.f('fk_fault_version_id_brain_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fault')),
    sa.UniqueConstraint('brain_id', 'command_id', 'fingerprint', name=op.f('uq_fault_brain_id_command_id_fingerprint'))
    )
    with op.batch_alter_table('fault', schema=None) as batch_op:
        batch_op.create_index('ix_fault_last', ['brain_id', 'last_at'], unique=False)
        batch_op.create_index('ix_fault_tell', ['id'], unique=False, postgresql_where=sa.text('tell_to IS NOT NULL'), sqlite_where=sa.text('tell_to IS NOT NULL'))

    op.add_column('chat', sa.Column('paused_at', sa.BigInteger(), nullable=True))
    op.add_column('chat', sa.Column('pause_reason', sa.String(length=200), server_default='', nullable=False))
    op.add_column('run', sa.Column('journal', sa.JSON(), nullable=True))
    op.add_column('run', sa.Column('digest', sa.String(length=64), nullable=True))


def downgrade() -> None:
    for table, column in (('run', 'digest'), ('run', 'journal'), ('chat', 'pause_reason'), ('chat', 'paused_at')):
        op.drop_column(table, column)
    for table in ('fault', 'schedule', 'memory'):
        op.drop_table(table)
