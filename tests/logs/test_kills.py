"""Durable mode over SIGKILL: whatever was answered 202 is stored, once, whenever the process is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import create_app
from app.logs.sealing import Sealer
from app.logs.sources import SourceInput, create_source
from app.logs.store import open_store
from app.logs.store.event_search import EventQuery, search_events
from app.settings import Settings
from app.vault import Vault
from tests.tables import create_tables

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10


@pytest.fixture
def new_installation_token(settings: Settings) -> str:
    """Make an installation with a source, and return its token."""
    app = create_app(settings)
    services = app.extensions["services"]
    create_tables(services.database.engine)
    data = SourceInput("shop", events_per_second=10_000)
    token = services.database.write(lambda s: create_source(s, data, services.clock())).token
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()
    return token


# Sends as fast as it is answered, from four threads, and prints the id of each event once it is accepted.
CHILD = """
import sys, threading
from app import create_app
from app.settings import load_settings

app = create_app(load_settings())
services = app.extensions["services"]
round_number, token = sys.argv[1], sys.argv[2]
lock = threading.Lock()

def work(thread):
    client, number = app.test_client(), 0
    while True:
        number += 1
        name = f"{round_number}-{thread}-{number}"
        body = {"id": name, "text": name}
        answer = client.post("/api/logs", json=body, headers={"Authorization": f"Bearer {token}"})
        if answer.status_code == 202:
            with lock:
                sys.stdout.write(name + "\\n")
                sys.stdout.flush()

for thread in range(4):
    threading.Thread(target=work, args=[thread]).start()
"""


@pytest.mark.torture
@pytest.mark.timeout(180)
def test_nothing_accepted_is_lost_or_stored_twice_over_kills(settings: Settings, new_installation_token: str):
    rng = random.Random(11)
    environment = {
        **os.environ, "BRAINBOX_DATA": str(settings.brainbox_data), "SECRET_KEY": settings.secret_key, "REDIS_URL": "",
        "DATABASE_URL": settings.database_url, "LOG_DURABLE": "1", "LOG_LEVEL": "error",
    }  # fmt: skip
    accepted: set[str] = set()
    for number in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(number), new_installation_token],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        accepted.add(child.stdout.readline().strip())
        threading.Timer(rng.uniform(0.05, 0.5), child.send_signal, [signal.SIGKILL]).start()
        # A line cut in half by the kill was not read by anybody as an answer.
        accepted |= {line.strip() for line in child.stdout if line.endswith("\n")}
        child.wait(10)
        child.stdout.close()
    store = open_store(
        settings.database_url,
        settings.brainbox_data,
        Sealer(Vault(settings), is_active=False),
        is_durable=True,
    )
    stored = [event.text for event in search_events(store, EventQuery(source="shop"), 1_000_000).events]
    store.close()
    assert len(accepted) > KILLS * 5
    assert accepted - set(stored) == set()
    assert len(stored) == len(set(stored))
