"""Registry of connections: who reads the database, and when."""

import threading

import pytest
from flask import Flask
from sqlalchemy import Connection as Db
from sqlalchemy import event, update

from app.bot.connections.registry import ConnectionRegistry
from app.bot.models import Connection
from tests.bot.simulated_bot import SimulatedBot, wait_until


def rename(services, name: str) -> None:
    services.database.writer.run(lambda db: db.execute(update(Connection).values(name=name)))


def list_readers(services) -> list[str]:
    """Return a list that gets the name of each thread that reads the connections."""
    readers: list[str] = []

    def note(_db: Db, _cursor: object, text: str, *_: object) -> None:
        if "FROM connection" in text and text.startswith("SELECT"):
            readers.append(threading.current_thread().name)

    event.listen(services.database.engine, "before_cursor_execute", note)
    return readers


def test_a_started_registry_sees_changes_of_others_and_no_look_up_reads(installation: Flask):
    services = SimulatedBot(installation, []).services
    registry = ConnectionRegistry(services.database, services.connections, services.clock)
    registry.start()
    try:
        [first] = registry.list_by_channel("simulator")
        readers = list_readers(services)
        rename(services, "Another name")
        wait_until(lambda: registry.find(first.id).name == "Another name", 5)
        assert set(readers) == {"connections"}
    finally:
        registry.stop()


def test_a_change_of_this_process_is_read_by_the_next_look_up(installation: Flask):
    services = SimulatedBot(installation, []).services
    registry = ConnectionRegistry(services.database, services.connections, services.clock)
    registry.start()
    try:
        [first] = registry.list_by_channel("simulator")
        rename(services, "Another name")
        registry.invalidate()
        assert registry.is_stale
        assert registry.find(first.id).name == "Another name"
        assert not registry.is_stale
    finally:
        registry.stop()


def test_a_change_while_the_connections_are_read_is_read_again(installation: Flask):
    services = SimulatedBot(installation, []).services
    registry = ConnectionRegistry(services.database, services.connections, services.clock)

    event.listen(
        services.database.engine, "before_cursor_execute", lambda *_: registry.invalidate(), once=True
    )
    registry.refresh()
    assert registry.is_stale
    registry.refresh()
    assert not registry.is_stale


def test_without_a_thread_look_ups_read_when_a_second_has_passed(installation: Flask):
    services = SimulatedBot(installation, []).services
    now = [services.clock()]
    registry = ConnectionRegistry(services.database, services.connections, lambda: now[0])
    [first] = registry.list_by_channel("simulator")
    rename(services, "Another name")
    assert registry.find(first.id).name == first.name
    now[0] += 1_000
    assert registry.find(first.id).name == "Another name"


def test_connections_stay_known_while_the_database_is_gone_and_one_line_says_so(
    installation: Flask, caplog: pytest.LogCaptureFixture
):
    services = SimulatedBot(installation, []).services
    now = [services.clock()]
    registry = ConnectionRegistry(services.database, services.connections, lambda: now[0])
    [first] = registry.list_by_channel("simulator")
    services.database.writer.run(lambda db: db.exec_driver_sql("ALTER TABLE connection RENAME TO elsewhere"))
    for _ in range(3):
        now[0] += 1_000
        assert registry.find(first.id) == first
    assert sum("connections not read" in line for line in caplog.messages) == 1
    services.database.writer.run(lambda db: db.exec_driver_sql("ALTER TABLE elsewhere RENAME TO connection"))
    now[0] += 1_000
    assert registry.find(first.id) == first
