"""What a serving process leaves out of its libraries."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("app.web", "app.admin", "app.cli", "flask_socketio", "flask_limiter", "wtforms")
UNUSED = ("requests", "urllib3", "charset_normalizer", "websocket", "rich", "psycopg", "redis")


def list_loaded(code: str, tmp_path: Path, names: tuple[str, ...] = UNUSED) -> set[str]:
    """Run code in a new process; return which of `names` it has loaded in the end."""
    shown = f"{code}\nimport sys\nprint(*(name for name in {names!r} if name in sys.modules))"
    env = {"BRAINBOX_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", shown],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_a_serving_process_loads_no_library_that_nothing_uses(tmp_path: Path):
    assert list_loaded("import app\nimport app.lean_imports\napp.create_app()", tmp_path) == set()


def test_a_worker_of_its_own_loads_no_pages_and_knows_all_tables(tmp_path: Path):
    code = """
import huey_tasks
from app.settings import load_settings
huey_tasks.build_worker_services(load_settings())
from app.bot.models import Message
keys = [key for table in Message.metadata.tables.values() for key in table.foreign_keys]
# Raises where a key leads to a table that no module has brought.
assert all(key.column is not None for key in keys) and len(keys) > 50
"""
    assert list_loaded(code, tmp_path, (*PAGES, *UNUSED)) == set()


def test_what_was_left_out_can_be_loaded_when_it_is_needed(tmp_path: Path):
    assert list_loaded("import app.lean_imports, psycopg, requests", tmp_path) >= {"psycopg", "requests"}
