"""`flask logs`: lines as JSON, a token that works, and encryption with a new key; commands keep their own lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

from flask import Flask

from app.logs.store.event_search import EventQuery, search_events
from app.services import Services
from tests.logs.conftest import make_event

ROOT = Path(__file__).resolve().parents[2]


def test_the_newest_lines_are_printed_oldest_first(installation: Flask):
    store = installation.extensions["services"].logs.store
    store.insert([make_event(n, level=17 if n == 3 else 9) for n in range(1, 6)])
    runner = installation.test_cli_runner()
    shown = runner.invoke(args=["logs", "show", "--limit", "2"])
    assert [json.loads(line)["id"] for line in shown.output.splitlines()] == ["e4", "e5"]
    errors = runner.invoke(args=["logs", "show", "--level", "error", "--text", "LINE 3"])
    assert json.loads(errors.output)["id"] == "e3"


def test_a_token_is_made_and_works(installation: Flask):
    runner = installation.test_cli_runner()
    made = runner.invoke(args=["logs", "token", "shop", "--days", "3"])
    headers = {"Authorization": f"Bearer {made.output.strip()}"}
    assert (
        installation.test_client().post("/api/logs", json={"text": "x"}, headers=headers).status_code == 202
    )
    again = runner.invoke(args=["logs", "token", "shop"])
    assert again.exit_code == 1
    assert "already" in again.output


def test_encrypted_lines_get_the_new_key(installation: Flask):
    services: Services = installation.extensions["services"]
    services.logs.store.sealer.is_active = True
    services.logs.store.insert([make_event(n) for n in range(3)])
    assert installation.test_cli_runner().invoke(args=["logs", "rotate"]).output == "3 encrypted again\n"


COMMAND = """
import click, structlog
from app import create_app

@click.command()
def main():
    create_app()
    structlog.get_logger("app.cli.init").info("a line of a command")

main()
"""


def test_lines_of_a_command_are_kept_with_all_others(installation: Flask):
    services: Services = installation.extensions["services"]
    settings = services.settings
    environment = {
        **os.environ, "BRAINBOX_DATA": str(settings.brainbox_data), "SECRET_KEY": settings.secret_key, "REDIS_URL": "",
        "DATABASE_URL": settings.database_url, "LOG_LEVEL": "info",
    }  # fmt: skip
    command = [sys.executable, "-c", COMMAND]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    events = search_events(services.logs.store, EventQuery(source="cli")).events
    assert [event.text for event in events] == ["a line of a command"]
