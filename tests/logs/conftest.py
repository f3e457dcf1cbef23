"""A log store of each kind, and a service on it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.logs.event import LogEvent
from app.logs.event_redaction import RedactionRules, Redactor
from app.logs.log_service import LogService
from app.logs.sealing import Sealer
from app.logs.store import EventStore, open_store
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock


def make_event(number: int = 1, **fields: object) -> LogEvent:
    """Make an event with what a test wants of it."""
    values: dict[str, object] = {
        "event_id": f"e{number}", "at": 1_780_000_000_000 + number, "received_at": 1_780_000_000_000 + number,
        "level": 9, "source": "shop", "text": f"line {number}",
    }  # fmt: skip
    return LogEvent(**{**values, **fields})  # type: ignore[arg-type]  a test's own fields


@pytest.fixture
def store(database_url: str, tmp_path: Path, settings: Settings) -> Iterator[EventStore]:
    made = open_store(database_url, tmp_path, Sealer(Vault(settings), is_active=False), is_durable=False)
    yield made
    made.close()


@pytest.fixture
def file_store(tmp_path: Path, settings: Settings) -> Iterator[EventStore]:
    """A store in a file: for what does not differ between databases."""
    made = open_store("sqlite://", tmp_path, Sealer(Vault(settings), is_active=False), is_durable=False)
    yield made
    made.close()


@pytest.fixture
def service(file_store: EventStore, clock: Clock) -> Iterator[LogService]:
    made = LogService(file_store, Redactor(RedactionRules()), clock)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield made
    logging.getLogger().setLevel(level)
    made.close()
