"""The house rules that no linter knows: sizes, names, and what templates may not contain."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "app").rglob("*.py"), ROOT / "huey_tasks.py", ROOT / "wsgi.py"])
TEMPLATES = sorted((ROOT / "app").rglob("*.html"))
FORBIDDEN = {"utils", "helpers", "manager", "base", "common"}
BORDERS = {
    "app/writer.py",  # a handler's error belongs to whoever waits for it
    "app/bot/beside.py",  # a look that breaks off is written down, and the thread looks again
    "app/bot/dispatch.py",  # the sweep and the task wrapper
    "app/bot/sender.py",  # the task wrapper of a send
    "app/admin/errors.py",  # the HTTP error page
    "app/brains/confined/life.py",  # the sandbox child
    "app/brains/sandbox/service.py",  # a capability that fails is a reason for the script
}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_file_has_at_most_300_lines(path: Path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_function_has_at_most_40_lines(path: Path):
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if (f.end_lineno or 0) - f.lineno >= 40}
    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_module_is_named_for_what_it_holds(path: Path):
    assert path.stem not in FORBIDDEN


def test_broad_excepts_stand_only_at_the_named_borders():
    broad = {
        short(path) for path in SOURCES if re.search(r"except (Exception|BaseException)\b", path.read_text())
    }
    assert broad <= BORDERS


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_template_has_no_inline_style_script_or_handler(path: Path):
    text = path.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>\s*\S", text)
