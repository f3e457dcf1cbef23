"""people: invitations and password resets by one-time links, second factor, recovery codes, throttle of sign-ins

Revision: 0027, after 0026.
"""

import secrets

import sqlalchemy as sa
from alembic import op
from argon2 import PasswordHasher
from app.db.schema import BigId

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_account", sa.Column("language", sa.String(35), nullable=False, server_default="en"))
    op.add_column("user_account", sa.Column("deactivated_at", BigId, nullable=True))
    op.add_column("sign_in", sa.Column("address", sa.String(45), nullable=False, server_default=""))
    op.create_table(
        "one_time_link",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_by", BigId, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_one_time_link_user_id_user_account", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["user_account.id"],
            name="fk_one_time_link_created_by_user_account",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_link"),
        sa.UniqueConstraint("token_hash", name="uq_one_time_link_token_hash"),
    )
    op.create_table(
        "second_factor",
        sa.Column("user_id", BigId, nullable=False, autoincrement=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", BigId, nullable=False),
        sa.Column("enabled_at", BigId, nullable=True),
        sa.Column("reset_at", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_second_factor_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factor"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_recovery_code_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_code"),
    )
    op.create_index("ix_recovery_code_user_id", "recovery_code", ["user_id"])
    op.create_table(
        "known_origin",
        sa.Column("user_id", BigId, nullable=False, autoincrement=False),
        sa.Column("origin_hash", sa.String(64), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_known_origin_user_id_user_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "origin_hash", name="pk_known_origin"),
    )
    op.create_table(
        "sign_in_throttle",
        sa.Column("bucket", sa.String(64), nullable=False),
        sa.Column("failures", BigId, nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_sign_in_throttle"),
    )
    op.create_index("ix_sign_in_throttle_failed_at", "sign_in_throttle", ["failed_at"])


def downgrade() -> None:
    for table in ("sign_in_throttle", "known_origin", "recovery_code", "second_factor", "one_time_link"):
        op.drop_table(table)
    # No older version knows these people: it would let the deactivated ones in, and refuse the role it does not know.
    op.execute("DELETE FROM sign_in WHERE user_id IN (SELECT id FROM user_account WHERE deactivated_at IS NOT NULL)")
    nobodys = PasswordHasher().hash(secrets.token_urlsafe(32))
    accounts = sa.table("user_account", sa.column("password_hash"), sa.column("deactivated_at"))
    op.execute(sa.update(accounts).where(accounts.c.deactivated_at.is_not(None)).values(password_hash=nobodys))
    op.execute("UPDATE user_account SET role = 'viewer' WHERE role = 'agent'")
    op.drop_column("sign_in", "address")
    op.drop_column("user_account", "deactivated_at")
    op.drop_column("user_account", "language")
