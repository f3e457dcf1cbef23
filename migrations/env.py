"""Alembic's environment: the app's engine and models, batch mode for SQLite."""

from alembic import context
from flask import current_app

import app.tables  # noqa: F401  every table registers itself when it is imported
from app.bot.full_text import include_name
from app.db.schema import Base


def run() -> None:
    """Migrate over the app's own engine."""
    migrate = current_app.extensions["migrate"]
    engine = migrate.db.engine
    with engine.connect().execution_options(writer=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=include_name,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
