"""Forwarder: one of several processes sends, another takes over, and changes of sinks are followed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.db.writer import Database
from app.logs.event_redaction import RedactionRules, Redactor
from app.logs.forwarding import forwarder as forwarder_module
from app.logs.forwarding import sink_runner, sink_store
from app.logs.forwarding.forwarder import Forwarder
from app.logs.forwarding.sink_store import SinkInput, SinkRules, SinkStore
from app.logs.log_service import LogService
from app.logs.models import LogSink
from app.logs.sealing import Sealer
from app.logs.sinks.contract import SinkContext
from app.logs.store import open_store
from app.logs.store.cursors import load_cursors
from app.logs.store.event_search import sum_counts
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import LineServer, running, wait_until


@pytest.fixture
def server() -> Iterator[LineServer]:
    with running(LineServer()) as made:
        yield made


@pytest.fixture
def sinks(settings: Settings) -> SinkStore:
    return SinkStore(Vault(settings), SinkRules(allow_private=True))


@pytest.fixture
def start(
    database: Database, settings: Settings, sinks: SinkStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], tuple[LogService, Forwarder]]]:
    """Start a process with a service and a forwarder, all on one store."""
    monkeypatch.setattr(forwarder_module, "LOOK_S", 0.05)
    monkeypatch.setattr(sink_runner, "LOOK_S", 0.05)
    started: list[tuple[LogService, Forwarder]] = []

    def begin() -> tuple[LogService, Forwarder]:
        folder: Path = settings.brainbox_data
        url = database.engine.url.render_as_string(hide_password=False)
        store = open_store(url, folder, Sealer(Vault(settings), is_active=False), is_durable=False)
        service = LogService(store, Redactor(RedactionRules()), clock)
        made = Forwarder(database, service, sinks, SinkContext("i", folder, allow_private=True))
        started.append((service, made))
        made.start()
        return service, made

    yield begin
    for service, made in started:
        made.stop()
        service.close()


def add_sink(database: Database, sinks: SinkStore, port: int, **changes: Any) -> LogSink:
    fields = {
        "name": "Lines",
        "kind": "json_lines",
        "config": {"host": "127.0.0.1", "port": port, "tls": False},
    }
    return database.write(lambda session: sinks.create(session, SinkInput(**{**fields, **changes}), 1000))


def send(service: LogService, first: int, last: int) -> None:
    for number in range(first, last + 1):
        service.submit([make_event(number)], 100)


def list_ids(server: LineServer) -> list[str]:
    return [each["id"] for each in server.read_objects() if each["source"] == "shop"]


def test_events_of_all_processes_are_sent_once_by_one(
    start, database: Database, sinks: SinkStore, server: LineServer
):
    row = add_sink(database, sinks, server.port)
    (first, _), (second, _) = start(), start()
    wait_until(lambda: row.id in load_cursors(first.store))
    send(first, 1, 50)
    send(second, 51, 100)
    wait_until(lambda: len(list_ids(server)) >= 100)
    found = list_ids(server)
    assert sorted(found) == sorted(f"e{n}" for n in range(1, 101))
    # In order for each process.
    assert [each for each in found if int(each[1:]) <= 50] == [f"e{n}" for n in range(1, 51)]


def test_another_process_takes_over(start, database: Database, sinks: SinkStore, server: LineServer):
    row = add_sink(database, sinks, server.port)
    first, leader = start()
    wait_until(lambda: row.id in load_cursors(first.store))
    second, _ = start()
    send(first, 1, 10)
    wait_until(lambda: len(list_ids(server)) == 10)
    leader.stop()
    send(second, 11, 20)
    wait_until(lambda: len(list_ids(server)) >= 20)
    assert list_ids(server) == [f"e{n}" for n in range(1, 21)]


def test_a_lost_sink_gets_the_rest_when_it_is_back(
    start, database: Database, sinks: SinkStore, server: LineServer, clock
):
    row = add_sink(database, sinks, server.port)
    service, _ = start()
    wait_until(lambda: row.id in load_cursors(service.store))
    send(service, 1, 20)
    wait_until(lambda: len(list_ids(server)) == 20)
    server.stop()
    send(service, 21, 40)
    wait_until(lambda: load_cursors(service.store)[row.id].failures > 0)
    server.start()
    send(service, 41, 60)
    clock.pass_seconds(600)
    wait_until(lambda: len(list_ids(server)) >= 60)
    assert list_ids(server) == [f"e{n}" for n in range(1, 61)]


def test_a_sink_switched_off_waits_and_one_deleted_is_forgotten(
    start, database: Database, sinks: SinkStore, server: LineServer
):
    row = add_sink(database, sinks, server.port)
    service, made = start()
    wait_until(lambda: row.id in load_cursors(service.store))
    database.write(lambda session: sink_store.set_enabled(session, row.id, enabled=False))
    made.refresh()
    time.sleep(0.5)
    send(service, 1, 5)
    wait_until(lambda: sum_counts(service.store)["stored"] == 5)
    assert list_ids(server) == []
    database.write(lambda session: sink_store.set_enabled(session, row.id, enabled=True))
    wait_until(lambda: len(list_ids(server)) == 5)
    database.write(lambda session: sink_store.delete_sink(session, row.id))
    wait_until(lambda: load_cursors(service.store) == {})


def test_a_sink_whose_secrets_do_not_open_is_told_once_and_left_out(
    start, database: Database, sinks: SinkStore, server: LineServer
):
    row = add_sink(database, sinks, server.port)
    foreign = {"name": "Hook", "kind": "webhook", "config": {"url": "https://x.example.com", "secret": "s"}}
    broken = database.write(lambda session: sinks.create(session, SinkInput(**foreign), 1000))
    database.write(lambda session: setattr(session.get_one(LogSink, broken.id), "secrets", "nonsense"))
    with capture_logs() as lines:
        service, _ = start()
        wait_until(lambda: row.id in load_cursors(service.store))
        send(service, 1, 3)
        wait_until(lambda: len(list_ids(server)) == 3)
    assert [line["event"] for line in lines] == ["log sink cannot be opened: enter its settings again"]
