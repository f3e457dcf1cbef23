"""Search: every filter, pages without gaps, a text within a bounded number of lines, plans that use an index."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sa_event

from app.logs.sealing import Sealer
from app.logs.store import EventStore, event_search, open_store
from app.logs.store.event_search import EventQuery, find_place, list_sources, search_events
from tests.logs.conftest import make_event

BASE = 1_780_000_000_000


@pytest.fixture
def filled(store: EventStore) -> EventStore:
    store.insert([
        make_event(
            number,
            level=(5, 9, 13, 17)[number % 4],
            source=("web", "worker")[number % 2],
            message_id=str(number // 10) if number % 3 else None,
            data={"n": number, "mark": "100%_sure" if number == 77 else ""},
        )
        for number in range(1, 301)
    ])  # fmt: skip
    return store


def find(store: EventStore, **query: Any) -> list[int]:
    return [int(event.event_id[1:]) for event in search_events(store, EventQuery(**query), 1000).events]


def test_the_newest_come_first_and_pages_follow_without_gap(filled: EventStore):
    seen: list[int] = []
    before = None
    while True:
        page = search_events(filled, EventQuery(before=before), 70)
        seen += [event.position for event in page.events]
        if page.before is None:
            break
        before = page.before
    assert seen == list(range(300, 0, -1))


def test_an_event_is_found_by_the_id_its_sender_gave_and_by_the_whole_one(store: EventStore):
    store.insert([
        replace(make_event(number), event_id=event_id)
        for number, event_id in enumerate(("s1:dup-1", "s12:dup-1", "s1:dup-10", "s2:s1:dup-1"), start=1)
    ])  # fmt: skip

    def find_ids(event_id: str) -> list[str]:
        return [each.event_id for each in search_events(store, EventQuery(event_id=event_id)).events]

    assert find_ids("dup-1") == ["s12:dup-1", "s1:dup-1"]
    assert find_ids("s1:dup-1") == ["s2:s1:dup-1", "s1:dup-1"]
    assert find_ids("s12:dup-1") == ["s12:dup-1"]
    assert find_ids("up-1") == []


@pytest.mark.parametrize("level", [1, 5, 9, 10, 13, 17])
def test_a_level_is_the_lowest_that_is_shown(filled: EventStore, level: int):
    assert find(filled, level=level) == [n for n in range(300, 0, -1) if (5, 9, 13, 17)[n % 4] >= level]


def test_sources_ids_and_times_are_filters(filled: EventStore):
    assert find(filled, source="worker") == list(range(299, 0, -2))
    assert find(filled, message_id="5") == [59, 58, 56, 55, 53, 52, 50]
    assert find(filled, event_id="e7") == [7]
    assert find(filled, since=BASE + 10, until=BASE + 13) == [12, 11, 10]
    assert find(filled, message_id="5", level=17) == [59, 55]


def test_a_text_is_found_in_words_and_data_whatever_its_case(filled: EventStore):
    assert find(filled, text="LINE 29") == [29, *range(290, 300)][::-1]
    assert find(filled, text="100%_SURE") == [77]
    assert find(filled, text="100x") == []


def test_a_text_is_looked_for_in_a_bounded_number_of_lines(
    filled: EventStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(event_search, "TEXT_WINDOW", 100)
    first = search_events(filled, EventQuery(text="100%_sure"))
    assert first.events == []
    assert first.searched_to == BASE + 200
    assert first.before == 201
    second = search_events(filled, EventQuery(text="100%_sure", before=first.before))
    third = search_events(filled, EventQuery(text="100%_sure", before=second.before))
    assert [event.event_id for event in third.events] == ["e77"]
    assert (third.before, third.searched_to) == (None, None)


def test_encrypted_lines_are_searched_in_their_own_words(database_url: str, tmp_path, settings):
    from app.vault import Vault  # noqa: PLC0415

    store = open_store(database_url, tmp_path, Sealer(Vault(settings), is_active=True), is_durable=False)
    store.insert([make_event(1, text="a Private word"), make_event(2)])
    assert find(store, text="private") == [1]
    store.close()


def test_a_place_is_found_by_its_moment(filled: EventStore):
    with filled.read() as db:
        assert [find_place(db, BASE + n) for n in (0, 1, 150, 300, 301)] == [1, 1, 150, 300, 301]


def test_the_sources_are_listed_by_name(filled: EventStore):
    assert list_sources(filled) == ["web", "worker"]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"level": 17}, "errors"), ({"level": 13}, "warnings"), ({"source": "web"}, "source"),
        ({"message_id": "1"}, "message_id"), ({"chat_id": "1"}, "chat_id"), ({"request_id": "1"}, "request_id"),
        ({"run_id": "1"}, "run_id"), ({"event_id": "1"}, "sqlite_autoindex"),
    ],
)  # fmt: skip
def test_every_filter_has_its_index(file_store: EventStore, query: dict[str, Any], index: str):
    file_store.insert([make_event()])
    seen: list[tuple[str, Any]] = []

    def note(_db: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    sa_event.listen(Engine, "before_cursor_execute", note)
    search_events(file_store, EventQuery(**query))
    sa_event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = seen[-1]
    with file_store.read() as db:
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert index in " ".join(plan)
    assert not any("TEMP B-TREE" in step for step in plan)
