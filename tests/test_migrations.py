"""Migrations: one head, up from nothing equals the models, down and up again; on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from app import create_app
from app.bot import word_index
from app.db import Base
from app.settings import ROOT, Settings


def test_there_is_exactly_one_head():
    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


def test_up_from_nothing_equals_the_models_and_down_leaves_nothing(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    engine = app.extensions["house"].database.engine
    with app.app_context():
        for _ in range(2):
            upgrade()
            with engine.connect() as connection:
                opts = {"compare_type": True, "include_name": word_index.in_models}
                context = MigrationContext.configure(connection, opts=opts)
                assert compare_metadata(context, Base.metadata) == []
            downgrade(revision="base")
            assert inspect(engine).get_table_names() == ["alembic_version"]
    app.extensions["house"].database.writer.close()
    engine.dispose()
