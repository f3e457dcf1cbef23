"""Migrations: one head, up from nothing equals the models, down and up again; on both databases."""

import json
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from app import create_app
from app.analytics import compaction, rollup
from app.analytics.models import ANY, ANY_COMMAND
from app.analytics.rollup import MetricSums
from app.bot import full_text
from app.clock import DAY_MS
from app.db.schema import Base
from app.settings import ROOT, Settings
from app.web import init_migrations


def test_there_is_exactly_one_head():
    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


def test_up_from_nothing_equals_the_models_and_down_leaves_nothing(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    init_migrations(app)
    engine = app.extensions["services"].database.engine
    with app.app_context():
        for _ in range(2):
            upgrade()
            with engine.connect() as connection:
                opts = {"compare_type": True, "include_name": full_text.include_name}
                context = MigrationContext.configure(connection, opts=opts)
                assert compare_metadata(context, Base.metadata) == []
            downgrade(revision="base")
            assert inspect(engine).get_table_names() == ["alembic_version"]
    app.extensions["services"].database.writer.close()
    engine.dispose()


def test_packed_days_become_quarter_hours_again_on_the_way_down(database_url: str, settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    init_migrations(app)
    database = app.extensions["services"].database
    key, at = (ANY, 1, ANY, ANY_COMMAND), 40 * DAY_MS
    quarters = {
        (False, 15, key, at + n * compaction.QUARTER_HOUR_MS): MetricSums(
            {"received": n + 1}, {"sent": {60: n + 1}}
        )
        for n in (0, 7, 95)
    }
    late = {(False, 15, key, at): MetricSums({"received": 5, "failed:1": 1})}
    with app.app_context():
        upgrade()
        database.writer.run(lambda db: rollup.store(db, quarters))
        assert database.writer.run(lambda db: compaction.compact(db, at + DAY_MS, 10)) == 3
        database.writer.run(lambda db: rollup.store(db, late))
        downgrade(revision="0012")
        query = text("SELECT span, at, counts, times FROM rollup ORDER BY at")
        with database.engine.connect() as db:
            found = [
                (span, when - at, _read(counts), _read(times))
                for span, when, counts, times in db.execute(query)
            ]
        upgrade()
    assert found == [
        (15, 0, {"received": 6, "failed:1": 1}, {"sent": {"60": 1}}),
        (15, 7 * compaction.QUARTER_HOUR_MS, {"received": 8}, {"sent": {"60": 8}}),
        (15, 95 * compaction.QUARTER_HOUR_MS, {"received": 96}, {"sent": {"60": 96}}),
    ]
    database.writer.close()
    database.engine.dispose()


def _read(stored: Any) -> Any:
    return json.loads(stored) if isinstance(stored, str) else stored
