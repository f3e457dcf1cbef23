"""The documentation is tested: what an operator can set or call stands in the README."""

import re
from pathlib import Path

import pytest
from flask import Flask

from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str):
    assert f"`{name.upper()}`" in README
    assert Settings.model_fields[name].description


def test_every_command_is_in_the_readme(installation: Flask):
    foreign = {"db", "limiter", "routes", "run", "shell"}
    for name in set(installation.cli.commands) - foreign:
        assert f"flask {name}" in README.replace("flask --app wsgi ", "flask "), name


def test_every_make_target_has_a_help_text():
    targets = [
        line for line in (ROOT / "Makefile").read_text().splitlines() if line[:1].isalpha() and ":" in line
    ]
    named = [t for t in targets if ":=" not in t and "?=" not in t]
    undocumented = [t for t in named if "##" not in t]
    assert undocumented == []


def test_every_threat_names_a_test_that_exists():
    text = (ROOT / "THREAT_MODEL.md").read_text()
    paths = {word.strip("`,") for word in text.split() if word.startswith(("`tests/", "`app/", "`huey"))}
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench/README.md"]
FOLDERS = ("app", "bench", "docs", "migrations", "tests", "tools")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+|[\w-]+\.py)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
MODULE_NAMES = {path.name for folder in ("app", "bench") for path in (ROOT / folder).rglob("*.py")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_a_page_names_exists(page: Path):
    text = page.read_text()
    named = {path for path in PATH.findall(text) if path not in MODULE_NAMES and not (ROOT / path).exists()}
    linked = {path for path in LINK.findall(text) if not (page.parent / path).exists()}
    assert named | linked == set()
