"""AI: providers, calls, and the tokens of each month

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op




revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('ai_provider',
    sa.Column('id', Id, nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('base_url', sa.String(length=300), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('secrets', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ai_provider')),
    sa.UniqueConstraint('name', name=op.f('uq_ai_provider_name'))
    )
    op.create_table('ai_call',
    sa.Column('id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('message_id', Id, nullable=True),
    sa.Column('provider', sa.String(length=60), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('prompt', sa.String(length=60), nullable=False),
    sa.Column('messages', sa.JSON(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('error', sa.String(length=500), nullable=False),
    sa.Column('tokens_in', Id, nullable=False),
    sa.Column('tokens_out', Id, nullable=False),
    sa.Column('latency_ms', Id, nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_ai_call_brain_id_brain')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_ai_call_message_id_message')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ai_call'))
    )
    with op.batch_alter_table('ai_call', schema=None) as batch_op:
        batch_op.create_index('ix_ai_call_brain', ['brain_id', 'id'], unique=False)
        batch_op.create_index('ix_ai_call_message', ['message_id'], unique=False)

    op.create_table('ai_month',
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('tokens_in', sa.BigInteger(), nullable=False),
    sa.Column('tokens_out', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_ai_month_brain_id_brain')),
    sa.PrimaryKeyConstraint('brain_id', 'month', name=op.f('pk_ai_month'))
    )


def downgrade() -> None:
    for table in ('ai_month', 'ai_call', 'ai_provider'):
        op.drop_table(table)
