"""Auditor: one entry a change, in its transaction, by who was bound; nothing where nothing counts."""

import threading
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.bot.chats import labels
from app.bot.health.counters import Counters
from app.bot.models import Counter
from app.db.actor import Actor, ActorKind, bind_actor, build_job_actor
from app.db.change_notes import name_action, note_event, skip_rows
from app.db.writer import Database
from app.logs import audit
from app.logs.audit.chain import START
from app.logs.audit.row_values import PRIVATE
from tests.conftest import Clock
from tests.logs.audit.conftest import OWNER, add_labels, read


def test_an_entry_says_who_did_what_to_what_from_where(audited: Database, clock: Clock):
    add_labels(audited, clock, 2)
    first, second = read(audited)
    assert (first.number, second.number) == (1, 2)
    assert (first.previous, second.previous) == (START, first.hash)
    who = (first.actor_kind, first.actor_id, first.actor_name, first.address, first.request_id)
    assert who == ("person", 7, "owner@example.org", "203.0.113.9", "r-1")
    assert first.at == clock.now - 1000
    assert (first.action, first.subject_kind, first.subject_id, first.subject_name) == (
        "label created", "label", "1", "label 1",
    )  # fmt: skip
    (change,) = first.changes
    assert change["before"] is None
    assert change["after"] == {"name": "label 1", "colour": "teal", "created_at": first.at}


def test_code_may_name_the_action_the_subject_and_the_person(audited: Database, clock: Clock):
    def change(session: Session) -> None:
        labels.create(session, "a", "teal", clock())
        name_action(session, "first name")
        name_action(session, "named", subject=("chat", "5", ""), person=(3, "ben@example.org"))

    with bind_actor(Actor(ActorKind.PERSON, address="203.0.113.9")):
        audited.write(change)
    (entry,) = read(audited)
    assert (entry.action, entry.subject_kind, entry.subject_id) == ("named", "chat", "5")
    assert (entry.actor_id, entry.actor_name, entry.address) == (3, "ben@example.org", "203.0.113.9")
    audited.write(lambda s: labels.create(s, "b", "teal", clock()))
    assert read(audited)[-1].action == "label created"


def test_a_change_that_fails_leaves_no_entry_and_takes_no_number(audited: Database, clock: Clock):
    def fail(session: Session) -> None:
        labels.create(session, "a", "teal", clock())
        session.flush()
        raise ValueError

    with pytest.raises(ValueError):
        audited.write(fail)
    add_labels(audited, clock, 1)
    assert [entry.number for entry in read(audited)] == [1]


def test_a_change_whose_entry_cannot_be_written_is_not_made(audited: Database, clock: Clock):
    with audited.engine.begin() as db:
        db.execute(text("DROP TABLE audit_key"))
    with pytest.raises(DBAPIError):
        add_labels(audited, clock, 1)
    with audited.read() as session:
        assert labels.list_labels(session) == []


def test_what_is_not_audited_leaves_no_entry_and_costs_no_statement(audited: Database):
    counters = Counters()
    counters.increment("webhook.bad_signature")
    counters.flush(audited)
    with audited.read() as session:
        assert session.get_one(Counter, "webhook.bad_signature").n == 1
    assert read(audited) == []


def test_an_event_without_a_row_is_an_entry(audited: Database):
    audited.write(
        lambda session: note_event(session, "locked out: password", ("person", "7", "a@example.org"))
    )
    (entry,) = read(audited)
    assert (entry.action, entry.subject_id, entry.changes) == ("locked out: password", "7", [])


def test_a_job_may_count_its_rows_in_an_entry_of_its_own(audited: Database, clock: Clock):
    def change(session: Session) -> None:
        skip_rows(session)
        labels.create(session, "a", "teal", clock())
        session.flush()
        audit.record(session, "made", ("label", "", ""), (None, {"rows": 1}), build_job_actor("maker"))

    audited.write(change)
    (entry,) = read(audited)
    assert (entry.actor_kind, entry.actor_name, entry.changes[0]["after"]) == ("system", "maker", {"rows": 1})


def test_a_handler_of_the_writer_records_in_its_transaction(audited: Database):
    def fail(db: Any) -> None:
        audit.record(
            db, "rollout reverted", ("brain", "1", "shop"), ({"rollout_id": 4}, {"rollout_id": None})
        )
        raise ValueError

    with pytest.raises(ValueError):
        audited.writer.run(fail)
    assert read(audited) == []
    audited.writer.run(lambda db: audit.record(db, "rollout reverted", ("brain", "1", "shop")))
    assert [(entry.action, entry.actor_kind) for entry in read(audited)] == [("rollout reverted", "system")]


def test_changes_of_many_threads_are_numbered_without_gaps(audited: Database, clock: Clock):
    def work(n: int) -> None:
        with bind_actor(Actor(ActorKind.PERSON, n)):
            for each in range(5):
                audited.write(lambda s, each=each: labels.create(s, f"{n} {each}", "teal", clock()))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = read(audited)
    assert [entry.number for entry in entries] == list(range(1, 21))
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert all(entry.subject_name.startswith(f"{entry.actor_id} ") for entry in entries)


def test_the_anchor_follows_each_commit_and_stays_where_it_is_not_known_any_more(
    audited: Database, clock: Clock, anchor: Any, keys: Any
):
    add_labels(audited, clock, 2)
    last = read(audited)[-1]
    known = anchor.read()
    assert (known.number, known.hash) == (2, last.hash)
    assert known.is_sealed_by(audited.writer.run(keys.get_current)[1])
    anchor.replace(1, "0" * 64, b"another key")
    with bind_actor(OWNER):
        add_labels(audited, clock, 1, start=5)
    assert anchor.read().number == 1


def test_a_name_with_a_long_number_is_nowhere_in_an_entry(audited: Database, clock: Clock):
    def name_it(session: Session) -> None:
        name_action(session, "named", subject=("brain", "5", "bot-4915123456789"))
        labels.change(session, 1, "VIP 4915123456789", "red")

    add_labels(audited, clock, 1)
    audited.write(lambda s: labels.change(s, 1, "VIP 4915123456789", "teal"))
    audited.write(name_it)
    _, renamed, named = read(audited)
    assert (renamed.subject_name, renamed.changes[0]["name"]) == ("", "")
    assert (named.subject_name, named.changes[0]["name"]) == ("", "")
    assert renamed.changes[0]["after"]["name"] == PRIVATE
    assert "4915123456789" not in str([vars(entry) for entry in read(audited)])
