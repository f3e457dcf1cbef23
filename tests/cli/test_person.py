"""`flask person erase`: looked at first, asked for, exported, and of no effect twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.privacy import erasure, subject
from tests.privacy.erasure_scenario import (
    CANARY,
    OTHER,
    PHONE,
    THEM,
    ErasureScenario,
    dump_tables,
    find_row_traces,
    find_traces,
)


@pytest.fixture
def scenario(installation: Flask) -> ErasureScenario:
    made = ErasureScenario(installation)
    made.use_everything(THEM, CANARY)
    made.use_everything(OTHER, "an ordinary harmless word")
    return made


@pytest.fixture
def run(installation: Flask) -> Any:
    runner = installation.test_cli_runner()
    return lambda *words, **more: runner.invoke(args=["person", "erase", *words], **more)


def test_a_dry_run_says_what_there_is_and_changes_nothing(run: Any, scenario: ErasureScenario):
    before = dump_tables(scenario.database)
    shown = run(f"+{PHONE}", "--dry-run")
    assert shown.exit_code == 0
    assert "5  messages, with what became of them" in shown.output
    assert "2  messages in groups" in shown.output
    assert dump_tables(scenario.database) == before


def test_a_person_is_exported_and_erased_when_the_question_is_answered(
    run: Any, scenario: ErasureScenario, tmp_path: Path
):
    assert run(PHONE, input="n\n").exit_code == 1
    assert find_row_traces(dump_tables(scenario.database))
    folder = tmp_path.parent / f"{tmp_path.name}-export"
    done = run(PHONE, "--export", str(folder), input="y\n")
    assert done.exit_code == 0, done.output
    assert "Erased:" in done.output
    assert find_row_traces(dump_tables(scenario.database)) == []
    assert find_traces(tmp_path) == []
    exported = json.loads(next(folder.iterdir()).read_text())
    assert len(exported["messages"]) == 5
    assert CANARY in exported["chat"]["name"]
    again = run(PHONE, "--yes")
    assert again.exit_code == 1
    assert "Nobody here has this number" in again.output


def test_what_a_worker_is_at_is_left_to_it(run: Any, scenario: ErasureScenario):
    now = scenario.services.clock()
    digest = subject.compute_digest(scenario.services.settings.secret_key, PHONE)
    scenario.database.write(lambda session: erasure.begin(session, PHONE, digest, None, now))
    assert scenario.services.erasure.claim_next()
    done = run(PHONE, "--yes")
    assert "A running worker is erasing this person" in done.output
    assert find_row_traces(dump_tables(scenario.database))
