"""Parts of the logging service: nothing is written before there is an event; a process forwards, a command does not."""

from pathlib import Path

import pytest

from app.db.writer import Database
from app.logs.log_services import LogServices
from app.logs.store.event_search import EventQuery, search_events
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock
from tests.logs.conftest import make_event


@pytest.fixture
def logs(database: Database, settings: Settings, clock: Clock) -> LogServices:
    url = database.engine.url.render_as_string(hide_password=False)
    return LogServices(settings.model_copy(update={"database_url": url}), database, Vault(settings), clock)


def test_nothing_is_written_before_there_is_an_event(logs: LogServices, tmp_path: Path):
    logs.attach("cli")
    assert logs.endpoint
    assert not (tmp_path / "logs.db").exists()
    logs.close()


def test_what_was_taken_is_stored_when_the_process_ends(logs: LogServices):
    logs.attach("web")
    logs.service.submit([make_event(1)], 10)
    logs.close()
    assert [event.event_id for event in search_events(logs.store, EventQuery(source="shop")).events] == ["e1"]
    logs.store.close()


def test_the_sinks_of_an_installation_know_where_it_is_itself(logs: LogServices):
    assert logs.sink_context.installation_id == logs.settings.installation_id
    assert not logs.sink_context.allow_private
