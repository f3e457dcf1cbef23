"""The heads of the migrations are those Alembic finds, and what a database is at can be told without it."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import stamp
from sqlalchemy import create_engine

from app import create_app
from app.db.migrations_state import list_wanted_heads, read_applied_heads
from app.settings import ROOT, Settings
from app.web import init_migrations


def test_the_wanted_heads_are_those_alembic_finds():
    assert list_wanted_heads() == set(ScriptDirectory(str(ROOT / "migrations")).get_heads())


def test_of_several_branches_each_end_is_a_head(tmp_path: Path):
    for name, before in (("a", None), ("b", '"a"'), ("c", '"a"')):
        (tmp_path / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = {before}\n')
    assert list_wanted_heads(tmp_path) == {"b", "c"}


def test_a_database_tells_the_migration_it_is_at(settings: Settings, database_url: str):
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    init_migrations(app)
    engine = app.extensions["services"].database.engine
    with engine.connect() as db:
        assert read_applied_heads(db) == set()
    with app.app_context():
        stamp(revision="0003")
    with engine.connect() as db:
        assert read_applied_heads(db) == {"0003"}
    app.extensions["services"].database.writer.close()
    engine.dispose()


@pytest.mark.parametrize(("revision", "exit_code"), [(None, 1), ("0003", 1), ("heads", 0)])
def test_a_start_skips_the_migrations_only_at_the_newest(
    tmp_path: Path, revision: str | None, exit_code: int
):
    path = tmp_path / "brainbox.db"
    if revision:
        at = max(list_wanted_heads()) if revision == "heads" else revision
        with create_engine(f"sqlite:///{path}").begin() as db:
            db.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
            db.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (at,))
    env = {"BRAINBOX_DATA": str(tmp_path), "SECRET_KEY": "a secret key for tests", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools/is_migrated.py")], env=env, check=False, capture_output=True
    )
    assert (ran.returncode, ran.stderr) == (exit_code, b"")
    assert path.exists() == bool(revision), "looking makes no database"


def test_a_setting_that_is_wrong_is_left_to_the_migration_to_tell(tmp_path: Path):
    env = {"BRAINBOX_DATA": str(tmp_path), "SECRET_KEY": "short", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools/is_migrated.py")], env=env, check=False, capture_output=True
    )
    assert (ran.returncode, ran.stderr) == (1, b"")
