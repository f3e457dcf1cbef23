"""`flask audit`: verify, export, accept after a restore; the doctor says the same."""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.bot.chats import labels
from app.services import Services


@pytest.fixture
def services(installation: Flask) -> Services:
    made: Services = installation.extensions["services"]
    for n in range(4):
        made.database.write(lambda s, n=n: labels.create(s, f"label {n}", "teal", 1))
    return made


@pytest.fixture
def run_audit(installation: Flask, services: Services) -> Any:
    """Run `flask audit` with these words, on four entries."""
    assert services.database.writer.commit_count
    runner = installation.test_cli_runner()
    return lambda *words: runner.invoke(args=["audit", *words])


def lose_newest(services: Services) -> None:
    """Take the two newest entries away, as the restore of an older backup does."""
    with services.database.engine.begin() as db:
        name = db.dialect.name
        on = " ON audit_entry" if name == "postgresql" else ""
        db.execute(text(f"DROP TRIGGER audit_entry_{'kept' if on else 'stays'}{on}"))
        db.execute(text("DELETE FROM audit_entry WHERE number > 2"))
        db.execute(
            text("UPDATE audit_head SET number = 2, hash = (SELECT hash FROM audit_entry WHERE number = 2)")
        )
        again = "BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'only added'); END"
        if on:
            again = f"BEFORE DELETE{on} FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_kept()"
        db.execute(text(f"CREATE TRIGGER audit_entry_{'kept' if on else 'stays'} {again}"))


def test_a_sound_audit_is_said_to_be_sound(run_audit: Any):
    result = run_audit("verify")
    assert (result.exit_code, result.output) == (0, "The audit is as it was written.\n")
    assert json.loads(run_audit("verify", "--json").output) == []


def test_all_entries_are_exported_oldest_first(run_audit: Any):
    lines = [json.loads(line) for line in run_audit("export").output.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert lines[3]["changes"][0]["after"]["name"] == "label 3"


def test_a_restored_backup_is_named_and_can_be_accepted(
    installation: Flask, run_audit: Any, services: Services
):
    lose_newest(services)
    result = run_audit("verify")
    assert result.exit_code == 1
    assert "Each of the entries 3 to 4 is missing at the end" in result.output
    assert "audit accept" in result.output
    doctor = installation.test_cli_runner().invoke(args=["doctor", "--json"])
    (found,) = [each for each in json.loads(doctor.output) if each["check"] == "audit"]
    assert not found["ok"]
    assert "truncated with its head" in found["found"]
    assert "audit accept" in found["remedy"]
    assert run_audit("accept", "--reason", "backup of Monday restored").exit_code == 0
    assert run_audit("verify").exit_code == 0
    last = json.loads(run_audit("export").output.splitlines()[-1])
    assert (last["number"], last["action"], last["actor_kind"]) == (3, "audit accepted", "command_line")
    assert last["changes"][0]["after"] == {"reason": "backup of Monday restored"}
    assert "3 to 4" in last["changes"][0]["before"]["findings"][0]
    services.database.write(lambda s: labels.create(s, "after it", "teal", 1))
    result = run_audit("verify")
    assert result.exit_code == 0
    assert "Accepted by entry 3 on " in result.output
    assert "because: backup of Monday restored. Each of the entries 3 to 4 is missing" in result.output
    doctor = installation.test_cli_runner().invoke(args=["doctor", "--json"])
    (found,) = [each for each in json.loads(doctor.output) if each["check"] == "audit"]
    assert found["ok"]
    assert "Accepted by entry 3" in found["found"]
