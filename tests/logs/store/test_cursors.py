"""Cursors: one process forwards at a time, a place is kept, and who lost the lease moves nothing."""

from app.logs.store import EventStore, cursors
from app.logs.store.cursors import LEASE_MS, EventFilter, SinkCursor
from tests.logs.conftest import make_event


def test_one_process_has_the_lease_until_it_ends_or_is_given_back(store: EventStore):
    assert cursors.claim_lease(store, "a", 1000)
    assert not cursors.claim_lease(store, "b", 1000)
    assert cursors.claim_lease(store, "a", 2000)
    assert not cursors.claim_lease(store, "b", 2000 + LEASE_MS)
    assert cursors.claim_lease(store, "b", 2001 + LEASE_MS)
    assert not cursors.claim_lease(store, "a", 2002 + LEASE_MS)
    cursors.release_lease(store, "b")
    assert cursors.claim_lease(store, "a", 2003 + LEASE_MS)


def test_a_new_sink_begins_with_what_comes_after_it(store: EventStore):
    store.insert([make_event(1)])
    cursors.begin_cursor(store, 5)
    store.insert([make_event(2)])
    cursors.begin_cursor(store, 5)
    cursor = cursors.load_cursors(store)[5]
    events, position = cursors.read_after(store, cursor.position, EventFilter(), 10)
    assert [event.event_id for event in events] == ["e2"]
    assert position == 2


def test_only_the_process_with_the_lease_moves_a_place(store: EventStore):
    cursors.begin_cursor(store, 5)
    cursors.claim_lease(store, "a", 1000)
    assert cursors.save_cursor(store, "a", 5, SinkCursor(10, sent=3, problem="x", failures=1, retry_at=7))
    assert not cursors.save_cursor(store, "b", 5, SinkCursor(20))
    assert cursors.load_cursors(store)[5] == SinkCursor(10, sent=3, problem="x", failures=1, retry_at=7)
    cursors.retry_now(store, 5)
    assert cursors.load_cursors(store)[5].retry_at == 0
    cursors.remove_cursor(store, 5)
    assert cursors.load_cursors(store) == {}


def test_a_filter_skips_events_and_the_place_moves_past_them(store: EventStore):
    store.insert(
        [
            make_event(n, level=17 if n % 5 == 0 else 9, source="web" if n < 50 else "worker")
            for n in range(1, 101)
        ]
    )
    wanted = EventFilter(17, ("worker",))
    events, position = cursors.read_after(store, 0, wanted, 3)
    assert [event.event_id for event in events] == ["e50", "e55", "e60"]
    assert position == 60
    events, position = cursors.read_after(store, 60, wanted, 100)
    assert (len(events), position) == (8, 100)
    assert cursors.read_after(store, 100, wanted, 100) == ([], 100)


def test_a_backlog_has_a_number_and_an_age(store: EventStore):
    store.insert([make_event(n) for n in range(1, 11)])
    backlog = cursors.count_backlog(store, 4, EventFilter())
    assert (backlog.count, backlog.oldest_at) == (6, 1_780_000_000_005)
    assert cursors.count_backlog(store, 10, EventFilter()).count == 0
