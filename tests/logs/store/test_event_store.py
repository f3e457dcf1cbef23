"""The store: what is inserted comes back in order, once an id, encrypted where the setting says so."""

import threading
from pathlib import Path

from sqlalchemy import text

from app.logs.sealing import UNREADABLE, Sealer
from app.logs.store import EventStore, open_store
from app.logs.store.cursors import EventFilter, read_after
from app.logs.store.event_search import EventQuery, search_events, sum_counts
from app.logs.store.event_store import ProcessCounts
from app.settings import Settings
from app.vault import Vault
from tests.logs.conftest import make_event


def read_all(store: EventStore):
    return search_events(store, EventQuery(), 10_000).events[::-1]


def test_an_event_comes_back_as_it_went_in(store: EventStore):
    event = make_event(
        1, text="ü “x”", request_id="r", message_id="m", run_id="u", chat_id="c", data={"a": [1, None]}
    )
    store.insert([event])
    (found,) = read_all(store)
    assert found.position == 1
    assert found.data == {"a": [1, None]}
    assert (found.text, found.request_id, found.message_id, found.run_id, found.chat_id) == (
        "ü “x”",
        "r",
        "m",
        "u",
        "c",
    )


def test_an_event_sent_again_is_stored_once(store: EventStore):
    store.insert([make_event(1), make_event(2)])
    store.insert([make_event(2), make_event(3)])
    assert [event.text for event in read_all(store)] == ["line 1", "line 2", "line 3"]


def test_counts_are_stored_with_the_events_they_count(store: EventStore):
    for stored in (1, 2):
        store.insert([make_event(stored)], ProcessCounts("p", "web", 0, stored, stored + 5, stored, 5))
    store.insert([], ProcessCounts("q", "worker", 0, 1, 10, 10, 0))
    assert sum_counts(store) == {"offered": 17, "stored": 12, "dropped": 5}


def test_places_grow_in_the_order_of_commits_from_many_writers(store: EventStore):
    """A reader that goes on from the last place it saw misses nothing."""
    done, found = threading.Event(), [0]
    store.insert([make_event(0)])

    def write(first: int) -> None:
        for number in range(first, first + 30):
            store.insert([make_event(number * 10 + each) for each in range(3)])

    def follow() -> None:
        position = 0
        while True:
            is_last = done.is_set()
            events, position = read_after(store, position, EventFilter(), 1000)
            found[0] += len(events)
            if is_last and not events:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    writers = [threading.Thread(target=write, args=[1000 * number]) for number in (1, 2, 3)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    done.set()
    reader.join()
    assert found == [271]


def test_encrypted_events_hold_no_word_of_theirs_and_need_their_key(
    database_url: str, tmp_path: Path, settings: Settings
):
    sealed = open_store(database_url, tmp_path, Sealer(Vault(settings), is_active=True), is_durable=True)
    sealed.insert([make_event(1, text="a private word", data={"b": "another"})])
    with sealed.read() as db:
        row = str(db.execute(text("SELECT * FROM log_event")).one())
    assert "private" not in row
    assert "another" not in row
    assert read_all(sealed)[0].data == {"b": "another"}
    other = settings.model_copy(update={"secret_key": "another secret key"})
    foreign = open_store(database_url, tmp_path, Sealer(Vault(other), is_active=False), is_durable=True)
    assert read_all(foreign)[0].text == UNREADABLE
    sealed.close()
    foreign.close()


def test_a_store_in_a_file_is_private(file_store: EventStore, tmp_path: Path):
    file_store.insert([make_event()])
    assert (tmp_path / "logs.db").stat().st_mode & 0o077 == 0
