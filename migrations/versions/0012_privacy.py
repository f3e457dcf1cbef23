"""people to be erased, and for how many days things are kept

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op




revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
OPEN = sa.text('ended_at IS NULL')


def upgrade() -> None:
    op.create_table('erasure',
    sa.Column('id', Id, nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False),
    sa.Column('files', sa.JSON(), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('remains', sa.JSON(), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('taken_until', sa.BigInteger(), nullable=False),
    sa.Column('user_id', Id, nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_erasure_user_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure'))
    )
    op.create_index('ix_erasure_open', 'erasure', ['id'], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_table('retention',
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('days', Id, nullable=False),
    sa.PrimaryKeyConstraint('kind', name=op.f('pk_retention'))
    )


def downgrade() -> None:
    op.drop_table('retention')
    op.drop_table('erasure')
