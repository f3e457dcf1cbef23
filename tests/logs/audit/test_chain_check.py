"""A check of the whole chain beside everything else: progress, findings in words, the entry that tells of it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from app.db.actor import Actor, ActorKind, bind_actor
from app.logs.audit import reading, record
from app.logs.audit.auditor import Auditor
from app.logs.audit.chain_check import CHECKED, ChainCheck, read_result
from app.logs.audit.models import AuditEntry
from app.services import Services

ADA = Actor(ActorKind.PERSON, 1, "Ada", "192.0.2.7")


@pytest.fixture
def services(installation: Flask) -> Iterator[Services]:
    with installation.app_context():
        yield installation.extensions["services"]


def add_entries(services: Services, count: int) -> None:
    def add(session) -> None:
        for n in range(count):
            record(session, "label changed", ("label", str(n), "one"), ({"n": n}, {"n": n + 1}), ADA)

    services.database.write(add)


def check(services: Services) -> ChainCheck:
    with bind_actor(ADA):
        begun = services.audit_checks.start()
    assert begun.future
    begun.future.result(60)
    return begun


def find_last(services: Services) -> AuditEntry:
    with services.database.read() as session:
        found = reading.get_last(session, CHECKED)
    assert found
    return found


def test_a_whole_chain_has_no_finding_and_the_check_leaves_an_entry(services: Services):
    add_entries(services, 3)
    found = check(services)
    assert (found.state, found.done, found.total, found.finding_count) == ("done", 3, 3, 0)
    entry = find_last(services)
    assert (entry.number, entry.actor_name, entry.address) == (4, "Ada", "192.0.2.7")
    assert read_result(entry) == (3, 0, "")
    # That entry is part of the chain.
    assert check(services).finding_count == 0


def test_what_is_wrong_is_told_in_words_and_kept(services: Services):
    add_entries(services, 3)

    def alter(db) -> None:
        if db.dialect.name == "sqlite":
            db.execute(text("DROP TRIGGER audit_entry_kept"))
        else:
            db.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        db.execute(text("UPDATE audit_entry SET actor_name = 'Eve' WHERE number = 2"))

    services.database.writer.run(alter)
    found = check(services)
    assert found.finding_count == 2
    assert found.findings[0] == "Entry 2 was changed after it was written."
    assert "triggers" in found.findings[1]
    assert read_result(find_last(services)) == (3, 2, found.findings[0])


def test_what_is_written_during_a_check_is_no_finding(services: Services):
    add_entries(services, 1_001)
    told: list[int] = []

    def tell(done: int) -> None:
        told.append(done)
        add_entries(services, 2)

    assert services.get(Auditor).verify(tell) == []
    assert told == [1_000, 1_001]


def test_one_check_runs_at_a_time(services: Services):
    add_entries(services, 1)
    first = services.audit_checks.start()
    second = services.audit_checks.start()
    for each in (first, second):
        assert each.future
        each.future.result(60)
    assert second is first or first.ended_at <= second.started_at


def test_a_check_that_breaks_off_says_so(services: Services):
    services.database.writer.run(lambda db: db.execute(text("DROP TABLE audit_head")) and None)
    begun = services.audit_checks.start()
    assert begun.future
    assert begun.future.exception(60)
    assert begun.state == "failed"


def test_an_entry_without_a_result_is_read_as_none():
    assert read_result(AuditEntry(changes=[])) == (0, 0, "")
