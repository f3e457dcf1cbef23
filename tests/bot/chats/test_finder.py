"""Chats found for jumping to them: by name among the latest, by number among all, never by reading everything."""

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.bot.chats.finder import RECENT, FoundChat, find_chats
from app.bot.models import Chat, Connection, Contact
from app.db.writer import Database

NOW = 1_780_000_000_000


def _insert_contacts(database: Database, *people: tuple[str, str]) -> None:
    def add(session: Session) -> None:
        home = session.get(Connection, 1)
        if home is None:
            home = Connection(id=1, name="Shop", channel="simulator", account="a", config={}, created_at=NOW)
            session.add(home)
            session.flush()
        for n, (name, phone) in enumerate(people):
            contact = Contact(connection_id=1, name=name, phone=phone, created_at=NOW)
            session.add(contact)
            session.flush()
            session.add(Chat(connection_id=1, contact_id=contact.id, last_message_at=NOW - n, created_at=NOW))

    database.write(add)


def _find_names(database: Database, words: str, limit: int = 8) -> list[FoundChat]:
    with database.read() as session:
        return find_chats(session, words, limit)


@pytest.fixture
def _contacts(database: Database) -> None:
    _insert_contacts(
        database, ("Ama Mensah", "233241111111"), ("Kofi 50%", "233249999999"), ("", "4915112345678")
    )


@pytest.mark.usefixtures("_contacts")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ama", ["Ama Mensah"]),
        ("mens", ["Ama Mensah"]),
        ("50%", ["Kofi 50%"]),
        ("_", []),
        ("23324", ["Ama Mensah", "Kofi 50%"]),
        ("+233 24 999", ["Kofi 50%"]),
        ("2332499", ["Kofi 50%"]),
        ("345678", ["+4915112345678"]),
        ("77", []),
    ],
)
def test_a_chat_is_found_by_name_or_number(database: Database, words: str, names: list[str]):
    assert [each.name for each in _find_names(database, words)] == names


@pytest.mark.usefixtures("_contacts")
def test_a_found_chat_says_whom_it_is_with(database: Database):
    (found,) = _find_names(database, "ama")
    assert (found.name, found.handle, found.connection) == ("Ama Mensah", "+233241111111", "Shop")


def test_a_group_is_found_by_its_title(database: Database):
    _insert_contacts(database)
    group = {
        "connection_id": 1,
        "group_id": "g1",
        "title": "Choir",
        "last_message_at": NOW,
        "created_at": NOW,
    }
    database.write(lambda session: session.add(Chat(**group)))
    assert [each.name for each in _find_names(database, "choir")] == ["Choir"]


def test_an_old_chat_is_still_found_by_the_start_of_its_number(database: Database):
    _insert_contacts(
        database, *((f"Person {n}", f"1555{n:06}") for n in range(RECENT)), ("Old friend", "998877665544")
    )
    assert [each.name for each in _find_names(database, "99887766")] == ["Old friend"]
    assert _find_names(database, "old friend") == []


# SQLite explains itself in words; the indexes are the same on PostgreSQL.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_neither_way_of_finding_reads_every_contact(database: Database):
    _insert_contacts(database, ("Ama", "233241111111"))
    asked: list[tuple[str, tuple[object, ...]]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: asked.append((a[2], a[3])))
    _find_names(database, "2332")
    plans = []
    with database.engine.connect() as db:
        for statement, values in [each for each in asked if each[0].startswith("SELECT")]:
            plans += [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert [step for step in plans if step.startswith("SCAN") and "contact" in step] == []


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("558187654321", "+55 81 98765-4321"),
        ("5581987654321", "55 81 8765 4321"),
        ("5215512345678", "+52 55 1234 5678"),
        ("541123456789", "+54 9 11 2345-6789"),
    ],
)
def test_a_chat_is_found_by_any_spelling_of_its_number(database: Database, stored: str, typed: str):
    _insert_contacts(database, ("Ana", stored), ("Bo", "4915112345678"))
    assert [found.handle for found in _find_names(database, typed)] == [f"+{stored}"]
