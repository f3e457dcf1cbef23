import threading
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.brains import limits
from app.brains.capabilities.contract import Asker, CallRefused
from app.brains.capabilities.top import MemoryTop, top
from app.brains.document import Grants
from app.brains.effects import Forget, Increment, Remember
from app.brains.memory import Changes, Owner, Snapshot, apply, snapshot, sweep
from app.brains.models import Brain, Memory
from app.brains.overlay import check_room, laid_over
from app.brains.values import BadEffect
from app.db import table_of
from app.writer import Database

NOW = 1_767_268_800_000
AMA, KOFI = Owner(1, 7, 3), Owner(1, 8, 4)
HOUR = 3_600_000


@pytest.fixture
def store(database):
    """A database with two brains, and short ways to look and to change."""
    with Session(database.engine) as session:
        for number in (1, 2):
            session.add(
                Brain(
                    id=number, slug=f"b{number}", title="B", draft={}, draft_rev=1, created_at=0, updated_at=0
                )
            )
        session.commit()
    return Store(database)


class Store:
    def __init__(self, database) -> None:
        self.database = database

    def look(self, owner=AMA, now=NOW) -> Snapshot:
        with self.database.engine.connect() as db:
            return snapshot(db, [owner], now)[0]

    def change(self, *effects: Any, **more: Any):
        """Apply the effects of one run with a fresh snapshot, unless told otherwise; return the conflicts."""
        now, owner = more.pop("now", NOW), more.pop("owner", AMA)
        seen = more.pop("seen", None) or self.look(owner, now)
        changes = Changes(1, owner, effects, more.pop("reads", ()), seen.revs, now, **more)
        return self.database.writer.run(lambda db: apply(db, [changes]))

    def rows(self):
        with self.database.engine.connect() as db:
            return db.execute(select(table_of(Memory)).order_by(Memory.id)).all()


def test_what_is_remembered_is_seen_by_its_scope(store):
    store.change(
        Remember("contact", "name", {"first": ["Ama"]}), Remember("chat", "t", "x"), Remember("brain", "n", 1)
    )
    assert store.look().entries == {
        "contact": {"name": {"first": ["Ama"]}},
        "chat": {"t": "x"},
        "brain": {"n": 1},
    }
    assert store.look(KOFI).entries == {"contact": {}, "chat": {}, "brain": {"n": 1}}
    assert store.look(Owner(2, 7, 3)).entries["contact"] == {}
    assert store.look(Owner(1, 7, 99)).entries["contact"] == {"name": {"first": ["Ama"]}}


def test_snapshots_of_many_take_one_query(store):
    store.change(Remember("contact", "k", "ama"))
    store.change(Remember("contact", "k", "kofi"), owner=KOFI)
    with store.database.engine.connect() as db:
        found = snapshot(db, [KOFI, AMA, Owner(2, 7, 3), KOFI], NOW)
        assert snapshot(db, [], NOW) == []
    assert [one.entries["contact"].get("k") for one in found] == ["kofi", "ama", None, "kofi"]


def test_unknown_people_of_a_group_share_one_memory_apart_from_the_chat(store):
    group = Owner(1, None, 5)
    store.change(Remember("contact", "k", 1), Remember("chat", "k", 2), owner=group)
    assert store.look(group).entries == {"contact": {"k": 1}, "chat": {"k": 2}, "brain": {}}
    assert store.look(Owner(1, 5, 5)).entries["contact"] == {}


def test_effects_apply_in_order_and_the_last_word_counts(store):
    store.change(
        Remember("chat", "a", 1), Forget("chat", "a"), Remember("chat", "b", 1), Increment("chat", "b", 2)
    )
    assert store.look().entries["chat"] == {"b": 3}
    store.change(Forget("chat", "b"), Increment("chat", "b", 1), Forget("chat", "nothing"))
    assert store.look().entries["chat"] == {"b": 1}
    store.change(Forget("chat", "b"))
    assert store.rows() == []


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (2.5, 2.5), (True, None), ("3", None), ([1], None)])
def test_numbers_stand_beside_their_values(store, value, number):
    store.change(Remember("contact", "k", value))
    assert [(row.value, row.number) for row in store.rows()] == [(value, number)]


def test_a_lifetime_ends_and_a_new_value_begins_its_own(store):
    store.change(Remember("contact", "k", 1, 60))
    assert store.look(now=NOW + 59_999).entries["contact"] == {"k": 1}
    assert store.look(now=NOW + 60_000).entries["contact"] == {}
    store.change(Increment("contact", "k", 5, 60), now=NOW + 60_000)
    assert store.look(now=NOW + 60_000).entries["contact"] == {"k": 5}
    store.change(Remember("contact", "k", 9), now=NOW + 61_000)
    assert store.look(now=NOW + HOUR).entries["contact"] == {"k": 9}


def test_a_counter_lives_from_its_beginning(store):
    store.change(Increment("contact", "tries", 1, 60))
    store.change(Increment("contact", "tries", 1, 60), now=NOW + 50_000)
    assert store.look(now=NOW + 59_000).entries["contact"] == {"tries": 2}
    assert store.look(now=NOW + 60_000).entries["contact"] == {}


def test_expired_values_are_swept_in_portions(store):
    store.change(*[Remember("contact", f"k{n}", n, 60) for n in range(5)], Remember("contact", "kept", 1))
    sweep_ = lambda limit: store.database.writer.run(lambda db: sweep(db, NOW + HOUR, limit))  # noqa: E731
    assert [sweep_(3), sweep_(3), sweep_(3)] == [3, 2, 0]
    assert [row.key for row in store.rows()] == ["kept"]


def test_a_run_that_wrote_after_reading_something_old_is_in_conflict_and_stores_nothing(store):
    store.change(Remember("contact", "balance", 10))
    seen = store.look()
    assert store.change(Remember("contact", "balance", 5)) == set()
    reads = [("contact", "balance")]
    assert store.change(
        Remember("contact", "balance", 9), Remember("chat", "x", 1), reads=reads, seen=seen
    ) == {1}
    assert store.look().entries == {"contact": {"balance": 5}, "chat": {}, "brain": {}}
    assert store.change(Remember("contact", "balance", 9), reads=reads) == set()


def test_a_run_that_did_not_read_is_never_in_conflict(store):
    seen = store.look()
    store.change(Increment("brain", "n", 1))
    assert store.change(Increment("brain", "n", 1), seen=seen) == set()
    assert store.look().entries["brain"] == {"n": 2}


def test_reading_nothing_where_there_is_something_now_is_a_conflict(store):
    seen = store.look()
    store.change(Remember("contact", "k", 1))
    assert store.change(Remember("contact", "o", 1), reads=[("contact", "k")], seen=seen) == {1}
    assert store.change(Remember("contact", "o", 1), reads=[("contact", "other")], seen=seen) == set()


def test_a_value_deleted_and_made_again_is_not_the_one_that_was_read(store):
    store.change(Remember("contact", "k", 1))
    seen = store.look()
    store.change(Forget("contact", "k"), now=NOW + 1)
    store.change(Remember("contact", "k", 1), now=NOW + 2)
    assert store.change(Remember("contact", "k", 2), reads=[("contact", "k")], seen=seen) == {1}


def test_an_expired_value_reads_as_nothing(store):
    store.change(Remember("contact", "k", 1, 60))
    later = NOW + HOUR
    assert store.change(Remember("contact", "k", 2), reads=[("contact", "k")], now=later) == set()


def test_runs_of_one_transaction_see_each_other(store):
    seen = store.look()
    runs = [
        Changes(n, AMA, [Increment("brain", "n", 1)], [("brain", "n")] if n else [], seen.revs, NOW)
        for n in range(3)
    ]
    assert store.database.writer.run(lambda db: apply(db, runs)) == {1, 2}
    assert store.look().entries["brain"] == {"n": 1}


def test_outgrowing_the_limits_since_the_snapshot_is_a_conflict(store):
    fill = [Remember("contact", f"k{n}", n) for n in range(3)]
    assert store.change(*fill, max_entries=2) == {1}
    assert store.rows() == []
    large = [Remember("brain", f"k{n}", "x" * 10_000) for n in range(3)]
    assert store.change(*large) == {1}
    store.change(Remember("contact", "t", "text"))
    assert store.change(Increment("contact", "t", 1)) == {1}


def test_forgetting_is_allowed_where_there_is_too_much(store):
    store.change(*[Remember("contact", f"k{n}", n) for n in range(5)])
    assert store.change(Forget("contact", "k0"), max_entries=2) == set()
    assert store.change(Remember("contact", "k1", 1), max_entries=2) == {1}


@pytest.fixture
def second(store, tmp_path):
    """A second process' way into the same database."""
    other = Database(store.database.engine, tmp_path)
    yield other.writer
    other.writer.close()


def test_two_writers_lose_no_increment_and_no_read_modify_write(store, second):
    rounds, conflicts = 60, []

    def work(writer, owner):
        for _ in range(rounds):
            while True:
                seen = store.look(owner)
                counted = seen.entries["brain"].get("careful", 0)
                effects = [Increment("brain", "quick", 1), Remember("brain", "careful", counted + 1)]
                changes = Changes(1, owner, effects, [("brain", "careful")], seen.revs, NOW)
                if not writer.run(lambda db, made=changes: apply(db, [made])):
                    break
                conflicts.append(owner)

    threads = [
        threading.Thread(target=work, args=pair) for pair in ((store.database.writer, AMA), (second, KOFI))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.look().entries["brain"] == {"quick": 2 * rounds, "careful": 2 * rounds}


def test_two_writers_share_a_first_value(store, second):
    """Nobody can lock a row that is not there yet."""
    for n in range(30):
        effect = [Increment("brain", f"new{n % 10}{n}", 1)]
        futures = [
            writer.submit(apply_all, Changes(1, AMA, effect, (), {}, NOW))
            for writer in (store.database.writer, second)
        ]
        assert [future.result(30) for future in futures] == [set(), set()]
        assert store.look().entries["brain"] == {f"new{n % 10}{n}": 2}
        store.change(Forget("brain", f"new{n % 10}{n}"))


def apply_all(db, payloads):
    conflicts = apply(db, payloads)
    return [conflicts for _ in payloads]


def test_the_highest_come_first_without_expired_and_other_ones(store):
    for contact, points in ((7, 3), (8, 9.5), (9, 5), (10, "many")):
        store.change(Remember("contact", "points", points), owner=Owner(1, contact, contact))
    store.change(Remember("contact", "points", 99, 60), owner=Owner(1, 11, 11), now=NOW - HOUR)
    store.change(Remember("contact", "points", 77), owner=Owner(2, 7, 7))
    store.change(Remember("chat", "points", 55))
    asker = Asker(1, Grants(), now=NOW)
    with Session(store.database.engine) as session:
        assert top(session, asker, "points", 2) == [(8, 9.5), (9, 5)]
        assert top(session, asker, "points", 9, "chat") == [(3, 55)]
        assert top(session, asker, "nothing", 9) == []


def test_a_script_gets_the_highest_with_names(store):
    for contact, points in ((7, 3), (8, 9)):
        store.change(Remember("contact", "points", points), owner=Owner(1, contact, contact))
    names = lambda _session, scope, ids: {i: (f"{scope}.{i}", "Ama") for i in ids if i == 7}  # noqa: E731
    ask = MemoryTop(store.database.read, names)
    asker = Asker(1, Grants(), now=NOW)
    assert ask.answer("memory.top", {"key": "points", "n": 5}, asker) == [
        {"id": "8", "name": "", "value": 9},
        {"id": "contact.7", "name": "Ama", "value": 3},
    ]
    for wrong in (
        {},
        {"key": 3},
        {"key": "k", "n": 51},
        {"key": "k", "scope": "brain"},
        {"key": "k", "x": 1},
    ):
        with pytest.raises(CallRefused):
            ask.answer("memory.top", wrong, asker)


def test_room_is_measured_after_the_effects():
    memory = {"contact": {"a": 1, "b": 2}}
    check_room(memory, [Forget("contact", "a"), Remember("contact", "c", 1)], 2)
    check_room({"contact": {f"k{n}": n for n in range(9)}}, [Forget("contact", "k1")], 2)
    with pytest.raises(BadEffect, match="3 values; 2 are allowed"):
        check_room(memory, [Remember("contact", "c", 1)], 2)
    with pytest.raises(BadEffect, match=f"{limits.MEMORY_SCOPE_BYTES:,} are allowed"):
        check_room({}, [Remember("brain", f"k{n}", "x" * 16_000) for n in range(2)], 50)
    with pytest.raises(BadEffect, match="holds no number"):
        check_room({"chat": {"a": "x"}}, [Increment("chat", "a", 1)], 50)
    with pytest.raises(BadEffect):
        check_room({"chat": {"a": 2**63 - 1}}, [Increment("chat", "a", 1)], 50)


def test_changes_are_laid_over_a_memory_without_touching_it():
    memory = {"contact": {"a": 1, "b": 2}}
    assert laid_over(memory, {"contact": {"a": None, "c": 3}, "brain": {"x": 1}}) == {
        "contact": {"b": 2, "c": 3},
        "brain": {"x": 1},
    }
    assert memory == {"contact": {"a": 1, "b": 2}}


def test_a_key_stands_once_in_a_scope(store):
    row = {"brain_id": 1, "scope": "brain", "key": "k", "value": 1, "rev": 1, "updated_at": 1}
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.database.writer.run(lambda db: db.execute(insert(table_of(Memory)), [row, row]))
