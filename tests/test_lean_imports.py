"""What a serving process leaves out of its libraries."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNUSED = ("requests", "urllib3", "charset_normalizer", "websocket", "rich", "psycopg", "redis")


def list_loaded(code: str, tmp_path: Path) -> set[str]:
    """Run code in a new process; return which of the unused libraries it has loaded in the end."""
    shown = f"{code}\nimport sys\nprint(*(name for name in {UNUSED!r} if name in sys.modules))"
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
    assert list_loaded("import huey_tasks\nhuey_tasks.create_app()", tmp_path) == set()


def test_what_was_left_out_can_be_loaded_when_it_is_needed(tmp_path: Path):
    assert list_loaded("import app.lean_imports, psycopg, requests", tmp_path) >= {"psycopg", "requests"}
