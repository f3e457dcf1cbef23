"""Reading: filters, pages with the newest first, and what there is to choose from."""

import pytest

from app.bot.chats import labels
from app.db.actor import Actor, ActorKind, bind_actor
from app.db.writer import Database
from app.logs.audit.reading import (
    AuditActor,
    AuditFilter,
    count_entries,
    get_entry,
    list_actions,
    list_actors,
    list_entries,
    list_subject_kinds,
)
from tests.conftest import Clock
from tests.logs.audit.conftest import add_labels


@pytest.fixture
def filled(audited: Database, clock: Clock) -> Database:
    """Three labels by the owner, and one of them renamed on the command line."""
    add_labels(audited, clock, 3)
    clock.pass_seconds(1)
    with bind_actor(Actor(ActorKind.COMMAND_LINE, name="root")):
        audited.write(lambda s: labels.change(s, 2, "50% off", "teal"))
    return audited


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (AuditFilter(), [4, 3, 2, 1]),
        (AuditFilter(actor_kind="person", actor_id=7), [3, 2, 1]),
        (AuditFilter(actor_id=8), []),
        (AuditFilter(action="label changed"), [4]),
        (AuditFilter(subject_kind="label", subject_id="2"), [4, 2]),
        (AuditFilter(request_id="r-1", before=3), [2, 1]),
        (AuditFilter(text="0% OFF"), [4]),
        (AuditFilter(text="_"), []),
        (AuditFilter(text="owner@"), [3, 2, 1]),
    ],
)
def test_entries_are_found_newest_first(filled: Database, query: AuditFilter, numbers: list[int]):
    with filled.read() as session:
        assert [entry.number for entry in list_entries(session, query).entries] == numbers
        if query.before is None:
            assert count_entries(session, query) == len(numbers)


def test_entries_are_found_by_their_time(filled: Database, clock: Clock):
    with filled.read() as session:
        found = list_entries(session, AuditFilter(since=clock.now - 1000, until=clock.now))
        assert [entry.number for entry in found.entries] == [3]


def test_a_page_says_where_the_next_begins(filled: Database):
    with filled.read() as session:
        page = list_entries(session, AuditFilter(), 3)
        assert ([entry.number for entry in page.entries], page.before) == ([4, 3, 2], 2)
        last = list_entries(session, AuditFilter(before=page.before), 3)
        assert ([entry.number for entry in last.entries], last.before) == ([1], None)


def test_there_is_a_list_of_actions_kinds_and_actors(filled: Database):
    with filled.read() as session:
        assert list_actions(session) == ["label changed", "label created"]
        assert list_subject_kinds(session) == ["label"]
        assert list_actors(session) == [
            AuditActor("command_line", None, "root"),
            AuditActor("person", 7, "owner@example.org"),
        ]
        entry = get_entry(session, 4)
        assert entry
        assert entry.subject_name == "50% off"
        assert get_entry(session, 5) is None
