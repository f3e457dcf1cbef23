"""phones beside the editor that talk to the draft

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op




revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('playground',
    sa.Column('id', Id, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.Column('brain_id', Id, nullable=False),
    sa.Column('state', sa.JSON(), nullable=False),
    sa.Column('rev', Id, nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['brain_id'], ['brain.id'], name=op.f('fk_playground_brain_id_brain')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_playground_user_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_playground')),
    sa.UniqueConstraint('user_id', 'brain_id', name=op.f('uq_playground_user_id_brain_id'))
    )


def downgrade() -> None:
    op.drop_table('playground')
