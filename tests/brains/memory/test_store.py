import threading
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.brains.capabilities.contract import CallContext, CallRefusal
from app.brains.capabilities.kind import Environment
from app.brains.capabilities.memory import Leaderboard
from app.brains.document.schema import Grants
from app.brains.effects.model import Forget, Increment, Remember
from app.brains.memory.models import Memory
from app.brains.memory.store import (
    MemoryChanges,
    MemoryOwner,
    MemorySnapshot,
    apply,
    delete_expired,
    list_variables,
    read_snapshots,
    select_highest,
)
from app.brains.versions.models import Brain
from app.db.schema import get_table
from app.db.writer import Database

NOW = 1_767_268_800_000
AMA, KOFI = MemoryOwner(1, 7, 3), MemoryOwner(1, 8, 4)
HOUR = 3_600_000


@pytest.fixture
def memory(database):
    """A database with two brains, and short ways to read and to apply."""
    with Session(database.engine) as session:
        for number in (1, 2):
            session.add(
                Brain(
                    id=number, slug=f"b{number}", title="B", draft={}, draft_rev=1, created_at=0, updated_at=0
                )
            )
        session.commit()
    return MemoryTable(database)


class MemoryTable:
    def __init__(self, database) -> None:
        self.database = database

    def read(self, owner=AMA, now=NOW) -> MemorySnapshot:
        with self.database.engine.connect() as db:
            return read_snapshots(db, [owner], now)[0]

    def apply(self, *effects: Any, **more: Any):
        """Apply the effects of one run with a fresh snapshot, unless told otherwise; return the conflicts."""
        now, owner = more.pop("now", NOW), more.pop("owner", AMA)
        seen = more.pop("seen", None) or self.read(owner, now)
        changes = MemoryChanges(1, owner, effects, more.pop("reads", ()), seen.revs, now, **more)
        return self.database.writer.run(lambda db: apply(db, [changes]))

    def list_rows(self):
        with self.database.engine.connect() as db:
            return db.execute(select(get_table(Memory)).order_by(Memory.id)).all()


def test_what_is_remembered_is_seen_by_its_scope(memory):
    memory.apply(
        Remember("contact", "name", {"first": ["Ama"]}), Remember("chat", "t", "x"), Remember("brain", "n", 1)
    )
    assert memory.read().entries == {
        "contact": {"name": {"first": ["Ama"]}},
        "chat": {"t": "x"},
        "brain": {"n": 1},
    }
    assert memory.read(KOFI).entries == {"contact": {}, "chat": {}, "brain": {"n": 1}}
    assert memory.read(MemoryOwner(2, 7, 3)).entries["contact"] == {}
    assert memory.read(MemoryOwner(1, 7, 99)).entries["contact"] == {"name": {"first": ["Ama"]}}


def test_variables_of_a_contact_and_its_chat_are_listed_without_the_brain_and_what_expired(memory):
    memory.apply(
        Remember("contact", "b", 2), Remember("contact", "a", "x"), Remember("chat", "t", [1]),
        Remember("brain", "n", 1), Remember("contact", "old", 1, 1),
    )  # fmt: skip
    memory.apply(Remember("contact", "k", "kofi"), owner=KOFI)
    with Session(memory.database.engine) as session:
        found = list_variables(session, AMA, NOW + HOUR, 10)
        assert len(list_variables(session, AMA, NOW, 2)) == 2
    assert [(each.scope, each.key, each.value) for each in found] == [
        ("contact", "a", "x"), ("contact", "b", 2), ("chat", "t", [1]),
    ]  # fmt: skip


def test_snapshots_of_many_take_one_query(memory):
    memory.apply(Remember("contact", "k", "ama"))
    memory.apply(Remember("contact", "k", "kofi"), owner=KOFI)
    with memory.database.engine.connect() as db:
        found = read_snapshots(db, [KOFI, AMA, MemoryOwner(2, 7, 3), KOFI], NOW)
        assert read_snapshots(db, [], NOW) == []
    assert [one.entries["contact"].get("k") for one in found] == ["kofi", "ama", None, "kofi"]


def test_unknown_people_of_a_group_share_one_memory_apart_from_the_chat(memory):
    group = MemoryOwner(1, None, 5)
    memory.apply(Remember("contact", "k", 1), Remember("chat", "k", 2), owner=group)
    assert memory.read(group).entries == {"contact": {"k": 1}, "chat": {"k": 2}, "brain": {}}
    assert memory.read(MemoryOwner(1, 5, 5)).entries["contact"] == {}


def test_effects_apply_in_order_and_the_last_word_counts(memory):
    memory.apply(
        Remember("chat", "a", 1), Forget("chat", "a"), Remember("chat", "b", 1), Increment("chat", "b", 2)
    )
    assert memory.read().entries["chat"] == {"b": 3}
    memory.apply(Forget("chat", "b"), Increment("chat", "b", 1), Forget("chat", "nothing"))
    assert memory.read().entries["chat"] == {"b": 1}
    memory.apply(Forget("chat", "b"))
    assert memory.list_rows() == []


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (2.5, 2.5), (True, None), ("3", None), ([1], None)])
def test_numbers_stand_beside_their_values(memory, value, number):
    memory.apply(Remember("contact", "k", value))
    assert [(row.value, row.number) for row in memory.list_rows()] == [(value, number)]


def test_a_lifetime_ends_and_a_new_value_begins_its_own(memory):
    memory.apply(Remember("contact", "k", 1, 60))
    assert memory.read(now=NOW + 59_999).entries["contact"] == {"k": 1}
    assert memory.read(now=NOW + 60_000).entries["contact"] == {}
    memory.apply(Increment("contact", "k", 5, 60), now=NOW + 60_000)
    assert memory.read(now=NOW + 60_000).entries["contact"] == {"k": 5}
    memory.apply(Remember("contact", "k", 9), now=NOW + 61_000)
    assert memory.read(now=NOW + HOUR).entries["contact"] == {"k": 9}


def test_a_counter_lives_from_its_beginning(memory):
    memory.apply(Increment("contact", "tries", 1, 60))
    memory.apply(Increment("contact", "tries", 1, 60), now=NOW + 50_000)
    assert memory.read(now=NOW + 59_000).entries["contact"] == {"tries": 2}
    assert memory.read(now=NOW + 60_000).entries["contact"] == {}


def test_expired_values_are_swept_in_portions(memory):
    memory.apply(*[Remember("contact", f"k{n}", n, 60) for n in range(5)], Remember("contact", "kept", 1))
    sweep_ = lambda limit: memory.database.writer.run(lambda db: delete_expired(db, NOW + HOUR, limit))  # noqa: E731
    assert [sweep_(3), sweep_(3), sweep_(3)] == [3, 2, 0]
    assert [row.key for row in memory.list_rows()] == ["kept"]


def test_a_run_that_wrote_after_reading_something_old_is_in_conflict_and_stores_nothing(memory):
    memory.apply(Remember("contact", "balance", 10))
    seen = memory.read()
    assert memory.apply(Remember("contact", "balance", 5)) == set()
    reads = [("contact", "balance")]
    assert memory.apply(
        Remember("contact", "balance", 9), Remember("chat", "x", 1), reads=reads, seen=seen
    ) == {1}
    assert memory.read().entries == {"contact": {"balance": 5}, "chat": {}, "brain": {}}
    assert memory.apply(Remember("contact", "balance", 9), reads=reads) == set()


def test_a_run_that_did_not_read_is_never_in_conflict(memory):
    seen = memory.read()
    memory.apply(Increment("brain", "n", 1))
    assert memory.apply(Increment("brain", "n", 1), seen=seen) == set()
    assert memory.read().entries["brain"] == {"n": 2}


def test_reading_nothing_where_there_is_something_now_is_a_conflict(memory):
    seen = memory.read()
    memory.apply(Remember("contact", "k", 1))
    assert memory.apply(Remember("contact", "o", 1), reads=[("contact", "k")], seen=seen) == {1}
    assert memory.apply(Remember("contact", "o", 1), reads=[("contact", "other")], seen=seen) == set()


def test_a_value_deleted_and_made_again_is_not_the_one_that_was_read(memory):
    memory.apply(Remember("contact", "k", 1))
    seen = memory.read()
    memory.apply(Forget("contact", "k"), now=NOW + 1)
    memory.apply(Remember("contact", "k", 1), now=NOW + 2)
    assert memory.apply(Remember("contact", "k", 2), reads=[("contact", "k")], seen=seen) == {1}


def test_an_expired_value_reads_as_nothing(memory):
    memory.apply(Remember("contact", "k", 1, 60))
    later = NOW + HOUR
    assert memory.apply(Remember("contact", "k", 2), reads=[("contact", "k")], now=later) == set()


def test_runs_of_one_transaction_see_each_other(memory):
    seen = memory.read()
    runs = [
        MemoryChanges(n, AMA, [Increment("brain", "n", 1)], [("brain", "n")] if n else [], seen.revs, NOW)
        for n in range(3)
    ]
    assert memory.database.writer.run(lambda db: apply(db, runs)) == {1, 2}
    assert memory.read().entries["brain"] == {"n": 1}


def test_outgrowing_the_limits_since_the_snapshot_is_a_conflict(memory):
    fill = [Remember("contact", f"k{n}", n) for n in range(3)]
    assert memory.apply(*fill, max_entries=2) == {1}
    assert memory.list_rows() == []
    large = [Remember("brain", f"k{n}", "x" * 10_000) for n in range(3)]
    assert memory.apply(*large) == {1}
    memory.apply(Remember("contact", "t", "text"))
    assert memory.apply(Increment("contact", "t", 1)) == {1}


def test_forgetting_is_allowed_where_there_is_too_much(memory):
    memory.apply(*[Remember("contact", f"k{n}", n) for n in range(5)])
    assert memory.apply(Forget("contact", "k0"), max_entries=2) == set()
    assert memory.apply(Remember("contact", "k1", 1), max_entries=2) == {1}


@pytest.fixture
def second_writer(memory, tmp_path):
    """A second process' way into the same database."""
    other = Database(memory.database.engine, tmp_path)
    yield other.writer
    other.writer.close()


def test_two_writers_lose_no_increment_and_no_read_modify_write(memory, second_writer):
    rounds, conflicts = 60, []

    def work(writer, owner):
        for _ in range(rounds):
            while True:
                seen = memory.read(owner)
                counted = seen.entries["brain"].get("careful", 0)
                effects = [Increment("brain", "quick", 1), Remember("brain", "careful", counted + 1)]
                changes = MemoryChanges(1, owner, effects, [("brain", "careful")], seen.revs, NOW)
                if not writer.run(lambda db, made=changes: apply(db, [made])):
                    break
                conflicts.append(owner)

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in ((memory.database.writer, AMA), (second_writer, KOFI))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert memory.read().entries["brain"] == {"quick": 2 * rounds, "careful": 2 * rounds}


def test_two_writers_share_a_first_value(memory, second_writer):
    """Nobody can lock a row that is not there yet."""
    for n in range(30):
        effect = [Increment("brain", f"new{n % 10}{n}", 1)]
        futures = [
            writer.submit(apply_all, MemoryChanges(1, AMA, effect, (), {}, NOW))
            for writer in (memory.database.writer, second_writer)
        ]
        assert [future.result(30) for future in futures] == [set(), set()]
        assert memory.read().entries["brain"] == {f"new{n % 10}{n}": 2}
        memory.apply(Forget("brain", f"new{n % 10}{n}"))


def apply_all(db, payloads):
    conflicts = apply(db, payloads)
    return [conflicts for _ in payloads]


def test_the_highest_come_first_without_expired_and_other_ones(memory):
    for contact, points in ((7, 3), (8, 9.5), (9, 5), (10, "many")):
        memory.apply(Remember("contact", "points", points), owner=MemoryOwner(1, contact, contact))
    memory.apply(Remember("contact", "points", 99, 60), owner=MemoryOwner(1, 11, 11), now=NOW - HOUR)
    memory.apply(Remember("contact", "points", 77), owner=MemoryOwner(2, 7, 7))
    memory.apply(Remember("chat", "points", 55))
    asker = CallContext(1, Grants(), now=NOW)
    with Session(memory.database.engine) as session:
        assert select_highest(session, asker, "points", 2) == [(8, 9.5), (9, 5)]
        assert select_highest(session, asker, "points", 9, "chat") == [(3, 55)]
        assert select_highest(session, asker, "nothing", 9) == []


def test_a_script_gets_the_highest_with_names(memory):
    for contact, points in ((7, 3), (8, 9)):
        memory.apply(Remember("contact", "points", points), owner=MemoryOwner(1, contact, contact))
    names = lambda _session, scope, ids: {i: (f"{scope}.{i}", "Ama") for i in ids if i == 7}  # noqa: E731
    ask = Leaderboard(Environment(memory.database.read, names, select_highest))
    asker = CallContext(1, Grants(), now=NOW)
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
        with pytest.raises(CallRefusal):
            ask.answer("memory.top", wrong, asker)


def test_a_key_stands_once_in_a_scope(memory):
    row = {"brain_id": 1, "scope": "brain", "key": "k", "value": 1, "rev": 1, "updated_at": 1}
    with pytest.raises(Exception, match=r"(?i)unique"):
        memory.database.writer.run(lambda db: db.execute(insert(get_table(Memory)), [row, row]))
