"""`flask person erase`: looked at first, asked for, exported, and of no effect twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.bot.privacy import erasing, subject
from tests.bot.person import CANARY, OTHER, PHONE, THEM, Place, dump, found_in, found_in_rows


@pytest.fixture
def place(installation: Flask) -> Place:
    made = Place(installation)
    made.live(THEM, CANARY)
    made.live(OTHER, "an ordinary harmless word")
    return made


@pytest.fixture
def run(installation: Flask) -> Any:
    runner = installation.test_cli_runner()
    return lambda *words, **more: runner.invoke(args=["person", "erase", *words], **more)


def test_a_dry_run_says_what_there_is_and_changes_nothing(run: Any, place: Place):
    before = dump(place.database)
    shown = run(f"+{PHONE}", "--dry-run")
    assert shown.exit_code == 0
    assert "5  messages, with what became of them" in shown.output
    assert "2  messages in groups" in shown.output
    assert dump(place.database) == before


def test_a_person_is_exported_and_erased_when_the_question_is_answered(
    run: Any, place: Place, tmp_path: Path
):
    assert run(PHONE, input="n\n").exit_code == 1
    assert found_in_rows(dump(place.database))
    folder = tmp_path.parent / f"{tmp_path.name}-export"
    done = run(PHONE, "--export", str(folder), input="y\n")
    assert done.exit_code == 0, done.output
    assert "Erased:" in done.output
    assert found_in_rows(dump(place.database)) == []
    assert found_in(tmp_path) == []
    exported = json.loads(next(folder.iterdir()).read_text())
    assert len(exported["messages"]) == 5
    assert CANARY in exported["chat"]["name"]
    again = run(PHONE, "--yes")
    assert again.exit_code == 1
    assert "Nobody here has this number" in again.output


def test_what_a_worker_is_at_is_left_to_it(run: Any, place: Place):
    now = place.house.clock()
    digest = subject.digest_of(place.house.settings.secret_key, PHONE)
    place.database.write(lambda session: erasing.begin(session, PHONE, digest, None, now))
    assert place.bot.erasing.take()
    done = run(PHONE, "--yes")
    assert "A running worker is erasing this person" in done.output
    assert found_in_rows(dump(place.database))
