"""Alembic's environment: the app's engine and models, batch mode for SQLite."""

from alembic import context
from flask import current_app

import app.accounts
import app.bot.models
import app.brains.models  # noqa: F401  imported for their tables
from app.bot.word_index import in_models
from app.db import Base


def run() -> None:
    """Migrate over the app's own engine."""
    migrate = current_app.extensions["migrate"]
    engine = migrate.db.engine
    with engine.connect().execution_options(writer=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=in_models,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
