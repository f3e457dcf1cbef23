"""Signals of a transaction: sent once, after the commit, and not at all when it is rolled back."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bot.models import Counter
from app.db.after_commit import send_changed, send_work_ready
from app.db.writer import Database
from app.signals import changed, work_ready


@pytest.fixture
def sent_topics() -> Iterator[list[Any]]:
    sent: list[Any] = []

    def on_changed(topics: set[str]) -> None:
        sent.append(set(topics))

    def on_work_ready(chats: int) -> None:
        sent.append(chats)

    changed.connect(on_changed)
    work_ready.connect(on_work_ready)
    yield sent
    changed.disconnect(on_changed)
    work_ready.disconnect(on_work_ready)


def test_what_a_transaction_says_is_sent_once(database: Database, sent_topics: list[Any]):
    def write(session: Any) -> None:
        send_changed(session, "chats", "chat:1")
        send_changed(session, "chats")
        send_work_ready(session, 1, 2)
        send_work_ready(session, 2)
        assert sent_topics == []

    database.write(write)
    assert sent_topics == [{"chats", "chat:1"}, 2]
    database.write(lambda _session: None)
    assert len(sent_topics) == 2


def test_a_listener_sees_what_was_committed(database: Database):
    seen: list[int | None] = []

    def look(**_facts: Any) -> None:
        with database.read() as session:
            seen.append(session.scalar(select(func.count()).select_from(Counter).where(Counter.name == "x")))

    def write(session: Any) -> None:
        session.add(Counter(name="x", n=1))
        send_changed(session, "dashboard")

    changed.connect(look)
    database.write(write)
    changed.disconnect(look)
    assert seen == [1]


def test_a_transaction_that_fails_says_nothing(database: Database, sent_topics: list[Any]):
    def write(session: Any) -> None:
        send_changed(session, "chats")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(write)
    database.write(lambda _session: None)
    assert sent_topics == []


def test_a_listener_that_fails_hurts_no_writer(database: Database):
    def fail(**_facts: Any) -> None:
        raise RuntimeError("deaf")

    changed.connect(fail)
    assert database.write(lambda session: send_changed(session, "chats") or 7) == 7
    changed.disconnect(fail)
    assert database.write(lambda _session: 8) == 8
