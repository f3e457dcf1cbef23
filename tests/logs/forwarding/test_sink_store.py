"""Sinks in the database: secrets encrypted, kept when left empty, and sent only where they were entered for."""

from typing import Any

import pytest

from app.db.writer import Database
from app.logs.forwarding import sink_store
from app.logs.forwarding.sink_store import (
    InvalidSinkError,
    SinkInput,
    SinkNotFoundError,
    SinkRules,
    SinkStore,
    check_sink,
)
from app.logs.models import LogSink
from app.logs.sinks.contract import SinkContext
from app.logs.sinks.registry import load_kinds
from app.settings import Settings
from app.vault import Vault
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import LineServer, running, wait_until

RULES = SinkRules(own_origins=frozenset({"https://bots.example.com"}))
HOOK = {"url": "https://hooks.example.com/logs", "secret": "a secret"}


@pytest.fixture
def sinks(settings: Settings) -> SinkStore:
    return SinkStore(Vault(settings), RULES)


def create(database: Database, sinks: SinkStore, **changes: Any) -> LogSink:
    data = SinkInput(**{"name": "Hook", "kind": "webhook", "config": HOOK, **changes})
    return database.write(lambda session: sinks.create(session, data, 1000))


def test_secrets_are_stored_apart_and_encrypted(database: Database, sinks: SinkStore):
    row = create(database, sinks)
    assert "a secret" not in str(row.config) + row.secrets
    assert sinks.load_config(row).model_dump()["secret"] == "a secret"


def test_an_empty_secret_keeps_the_stored_one_for_the_same_server_only(database: Database, sinks: SinkStore):
    row = create(database, sinks)

    def change(url: str) -> str:
        data = SinkInput("Hook", "webhook", {"url": url, "secret": ""})
        changed = database.write(lambda session: sinks.update(session, row.id, data, 2000))
        return sinks.load_config(changed).model_dump()["secret"]

    assert change("https://hooks.example.com/other") == "a secret"
    assert change("https://evil.example.com/logs") == ""


@pytest.mark.parametrize(("changes", "field"), [
    ({"name": ""}, "name"), ({"kind": "none"}, "kind"), ({"level": 3}, "level"), ({"config": {}}, "url"),
    ({"config": {"url": "http://hooks.example.com"}}, "url"),
    ({"config": {"url": "https://bots.example.com/api/logs"}}, "url"),
    ({"kind": "syslog", "config": {"host": "a.example.com", "tls": False}}, "tls"),
    ({"kind": "syslog", "config": {"host": "a b"}}, "host"),
    ({"kind": "syslog", "config": {"host": "a", "port": 0}}, "port"),
])  # fmt: skip
def test_a_wrong_field_is_named(database: Database, sinks: SinkStore, changes: dict[str, Any], field: str):
    with pytest.raises(InvalidSinkError) as refused:
        create(database, sinks, **changes)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(("kind", "config", "words"), [
    ("json_files", {"file": "Events 1"}, "a letter first, such as events"),
    ("json_files", {"file": "a", "days": "x"}, "Write a whole number."),
    ("json_files", {"file": "a", "days": 0}, "Write 1 or more."),
    ("syslog", {"host": ""}, "Write a host name such as logs.example.com"),
    ("syslog", {"host": "a.example.com", "app_name": ""}, "Write 1 to 48 plain letters"),
    ("syslog", {"host": "a.example.com", "port": 70_000}, "Write 65535 or less."),
    ("datadog", {"url": "https://a.example.com", "api_key": ""}, "Fill this in."),
    ("webhook", {"url": ""}, "Write an address such as https://logs.example.com/path"),
    ("webhook", {"url": f"https://a.example.com/{'x' * 1000}"}, "This is too long: at most 1000 characters."),
])  # fmt: skip
def test_a_wrong_field_is_told_what_to_write(
    database: Database, sinks: SinkStore, kind: str, config: dict[str, Any], words: str
):
    with pytest.raises(InvalidSinkError) as refused:
        create(database, sinks, kind=kind, config=config)
    assert words in str(refused.value)
    assert "should" not in str(refused.value)


def test_a_name_is_given_once(database: Database, sinks: SinkStore):
    create(database, sinks)
    with pytest.raises(InvalidSinkError, match="already"):
        create(database, sinks)


def test_where_private_networks_are_allowed_so_is_plain_tcp(database: Database, settings: Settings):
    sinks = SinkStore(Vault(settings), SinkRules(allow_private=True))
    row = create(database, sinks, kind="syslog", config={"host": "10.0.0.5", "tls": False})
    assert row.config["tls"] is False


def test_a_sink_is_deleted(database: Database, sinks: SinkStore):
    row = create(database, sinks)
    assert database.write(lambda session: sink_store.delete_sink(session, row.id)) == "Hook"
    with database.read() as session:
        assert sink_store.list_sinks(session) == []
        with pytest.raises(SinkNotFoundError):
            sink_store.get_sink(session, row.id)


def test_a_test_sends_one_event_and_says_what_became_of_it(tmp_path):
    kind = load_kinds()["json_lines"]
    context = SinkContext("i", tmp_path, allow_private=True)
    with running(LineServer()) as server:
        config = kind.Config.model_validate({"host": "127.0.0.1", "port": server.port, "tls": False})
        checked = check_sink(kind, config, context, make_event(1, text="Test from Brainbox"))
        assert checked.ok
        wait_until(lambda: len(server.lines) == 1)
    checked = check_sink(kind, config, context, make_event(2))
    assert not checked.ok
    assert "nobody listens there" in checked.message
