"""Pruning: by age and by size, errors longer and last; keys are rotated."""

from pathlib import Path

from app.clock import DAY_MS
from app.logs.sealing import Sealer
from app.logs.store import EventStore, open_store
from app.logs.store.cursors import begin_cursor, load_cursors
from app.logs.store.event_pruning import KeepRules, measure_bytes, prune, rotate_keys
from app.logs.store.event_search import EventQuery, search_events
from app.settings import Settings
from app.vault import Vault
from tests.logs.conftest import make_event

NOW = 1_790_000_000_000


def prune_all(store: EventStore, rules: KeepRules) -> None:
    while prune(store, rules, NOW):
        pass


def list_ids(store: EventStore) -> list[str]:
    return [event.event_id for event in search_events(store, EventQuery(), 20_000).events][::-1]


def test_errors_are_kept_longer_than_the_rest(store: EventStore):
    ages = {1: (40, 9), 2: (40, 17), 3: (10, 13), 4: (100, 17), 5: (1, 9)}
    store.insert([
        make_event(n, received_at=NOW - days * DAY_MS, level=level)
        for n, (days, level) in sorted(ages.items(), key=lambda each: -each[1][0])
    ])  # fmt: skip
    prune_all(store, KeepRules(14, 90, 512))
    assert sorted(list_ids(store)) == ["e2", "e3", "e5"]


def test_beyond_its_size_the_oldest_go_and_errors_last(file_store: EventStore):
    file_store.insert([
        make_event(n, received_at=NOW, level=17 if n % 10 == 0 else 9, text="x" * 1000) for n in range(1, 6001)
    ])  # fmt: skip
    assert measure_bytes(file_store) > 5 * 2**20
    prune_all(file_store, KeepRules(14, 90, 3))
    left = list_ids(file_store)
    assert measure_bytes(file_store) <= 3 * 2**20
    assert {f"e{n}" for n in range(10, 6001, 10)} <= set(left)
    assert "e5999" in left
    assert "e1" not in left


def test_the_size_is_known_on_both_databases(store: EventStore):
    store.insert([make_event(n, text="x" * 2000) for n in range(200)])
    assert measure_bytes(store) >= 0


def test_what_a_sink_has_not_sent_is_counted_as_missed(store: EventStore):
    store.insert([make_event(1, received_at=NOW - 40 * DAY_MS)])
    begin_cursor(store, 7)
    store.insert([make_event(n, received_at=NOW - 40 * DAY_MS) for n in (2, 3)])
    prune_all(store, KeepRules(14, 90, 512))
    assert load_cursors(store)[7].missed == 2


def test_lines_are_encrypted_again_with_a_new_key(database_url: str, tmp_path: Path, settings: Settings):
    def open_with(key: str, *old: str) -> EventStore:
        changed = settings.model_copy(update={"secret_key": key, "secret_keys_old": old})
        return open_store(database_url, tmp_path, Sealer(Vault(changed), is_active=True), is_durable=False)

    first = open_with("the first secret key")
    first.insert([make_event(n) for n in range(1, 451)])
    both = open_with("the second secret key", "the first secret key")
    at, rotated = 0, 0
    while True:
        done, lost, at = rotate_keys(both, at)
        rotated += done
        assert lost == 0
        if not at:
            break
    second = open_with("the second secret key")
    assert rotated == 450
    assert search_events(second, EventQuery(text="line 450")).events[0].event_id == "e450"
    for each in (first, both, second):
        each.close()
