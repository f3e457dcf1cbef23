"""chats can be searched, labelled, noted and read

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op
from app.bot import full_text




revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

STUCK = sa.text("state IN ('dead','unknown','held','failed')")
ABOUT = sa.text("kind IN ('reaction','edit')")
UNREAD = sa.text('unread_count > 0')
PAUSED = sa.text('paused_at IS NOT NULL')
WANTED = sa.text("state = 'wanted'")


def partial(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    op.create_table('label',
    sa.Column('id', Id, nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('name_key', sa.String(length=40), nullable=False),
    sa.Column('colour', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_label')),
    sa.UniqueConstraint('name_key', name=op.f('uq_label_name_key'))
    )
    op.create_table('chat_label',
    sa.Column('chat_id', Id, nullable=False),
    sa.Column('label_id', Id, nullable=False),
    sa.ForeignKeyConstraint(['chat_id'], ['chat.id'], name=op.f('fk_chat_label_chat_id_chat')),
    sa.ForeignKeyConstraint(['label_id'], ['label.id'], name=op.f('fk_chat_label_label_id_label')),
    sa.PrimaryKeyConstraint('chat_id', 'label_id', name=op.f('pk_chat_label'))
    )
    op.create_index('ix_chat_label_label', 'chat_label', ['label_id', 'chat_id'], unique=False)
    op.create_table('note',
    sa.Column('id', Id, nullable=False),
    sa.Column('chat_id', Id, nullable=False),
    sa.Column('author_id', Id, nullable=True),
    sa.Column('author', sa.String(length=100), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('edited_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['chat_id'], ['chat.id'], name=op.f('fk_note_chat_id_chat')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_note'))
    )
    op.create_index('ix_note_chat', 'note', ['chat_id', 'created_at'], unique=False)
    op.create_table('media_file',
    sa.Column('id', Id, nullable=False),
    sa.Column('message_id', Id, nullable=False),
    sa.Column('connection_id', Id, nullable=False),
    sa.Column('media_id', sa.String(length=255), nullable=False),
    sa.Column('mime', sa.String(length=100), nullable=False),
    sa.Column('filename', sa.String(length=240), nullable=False),
    sa.Column('size', Id, nullable=True),
    sa.Column('sha256', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('attempts', Id, nullable=False),
    sa.Column('next_at', sa.BigInteger(), nullable=False),
    sa.Column('error', sa.String(length=300), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_media_file_connection_id_connection')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_media_file_message_id_message')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_media_file'))
    )
    op.create_index('uq_media_file_message', 'media_file', ['message_id'], unique=True)
    op.create_index('ix_media_file_sha256', 'media_file', ['sha256'], unique=False)
    partial('ix_media_file_wanted', 'media_file', ['next_at'], WANTED)

    op.add_column('chat', sa.Column('unread_count', Id, server_default='0', nullable=False))
    partial('ix_chat_unread', 'chat', ['last_message_at', 'id'], UNREAD)
    partial('ix_chat_paused', 'chat', ['last_message_at', 'id'], PAUSED)
    partial('ix_message_stuck', 'message', ['chat_id', 'state'], STUCK)
    partial('ix_message_about', 'message', ['chat_id', 'quoted_id'], ABOUT)
    # The full-text index is derived from the rows, and made by the newest migration that changes it (0017).


def downgrade() -> None:
    full_text.drop_index(op.get_bind())
    for index in ('ix_message_about', 'ix_message_stuck'):
        op.drop_index(index, table_name='message')
    for index in ('ix_chat_unread', 'ix_chat_paused'):
        op.drop_index(index, table_name='chat')
    with op.batch_alter_table('chat', schema=None) as batch_op:
        batch_op.drop_column('unread_count')
    for table in ('media_file', 'note', 'chat_label', 'label'):
        op.drop_table(table)
