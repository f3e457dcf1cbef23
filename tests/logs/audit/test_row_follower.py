"""Follower: rows changed in any way SQLAlchemy knows are seen, with what they were before and are after."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from app.bot.chats import labels
from app.bot.models import Counter, Label
from app.db.schema import get_table
from app.db.writer import Database
from app.logs.audit.policies import UNAUDITED
from app.logs.audit.row_follower import UnfollowedChange
from tests.conftest import Clock
from tests.logs.audit.conftest import add_labels, read

Job = Callable[[Session], Any]
LABEL = get_table(Label)


def list_last(database: Database) -> list[tuple[str, Any, Any]]:
    """Return id, former and new name of the rows of the last entry."""
    name = lambda values: values and values.get("name")  # noqa: E731
    return [(each["id"], name(each["before"]), name(each["after"])) for each in read(database)[-1].changes]


def rename_object(session: Session) -> None:
    session.get_one(Label, 1).name = "other"


def rename_many_objects(session: Session) -> None:
    for label in session.scalars(select(Label).where(Label.id <= 2)):
        label.name = "other"


def rename_twice(session: Session) -> None:
    session.get_one(Label, 1).name = "in between"
    session.flush()
    session.execute(update(Label).where(Label.id == 1).values(name="other"))


def rename_by_core(session: Session) -> None:
    session.connection().execute(update(LABEL).where(LABEL.c.id == 1).values(name="other"))


def rename_by_parameters(session: Session) -> None:
    statement = update(LABEL).where(LABEL.c.id == bindparam("of")).values(name=bindparam("to"))
    session.connection().execute(statement, [{"of": 1, "to": "other"}, {"of": 2, "to": "other"}])


def rename_by_key(session: Session) -> None:
    session.execute(update(Label), [{"id": 1, "name": "other"}])


def rename_by_subquery(session: Session) -> None:
    first = select(Label.id).order_by(Label.id).limit(1)
    session.execute(update(Label).where(Label.id.in_(first)).values({Label.name: "other"}))


BOTH = [("1", "label 1", "other"), ("2", "label 2", "other")]
ONE = BOTH[:1]
CHANGES: dict[str, tuple[Job, list[Any]]] = {
    "an object": (rename_object, ONE),
    "several objects": (rename_many_objects, BOTH),
    "twice in one transaction": (rename_twice, ONE),
    "a statement of the core": (rename_by_core, ONE),
    "a statement with many parameters": (rename_by_parameters, BOTH),
    "an update by keys": (rename_by_key, ONE),
    "an update by a subquery": (rename_by_subquery, ONE),
    "a deleted object": (lambda s: s.delete(s.get_one(Label, 1)), [("1", "label 1", None)]),
    "a statement that deletes": (lambda s: s.execute(delete(Label)), [("1", "label 1", None), ("2", "label 2", None)]),
    "a new object": (
        lambda s: s.add(Label(name="new", name_key="new", colour="teal", created_at=1)),
        [("3", None, "new")],
    ),
    "a statement that inserts with a key": (
        lambda s: s.execute(insert(Label).values(id=9, name="new", name_key="new", colour="teal", created_at=1)),
        [("9", None, "new")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_made_in_any_way_is_told_with_before_and_after(audited: Database, clock: Clock, case: str):
    add_labels(audited, clock, 2)
    job, expected = CHANGES[case]
    audited.write(job)
    assert list_last(audited) == expected
    assert len(read(audited)) == 3


def test_what_is_changed_back_within_a_transaction_is_no_change(audited: Database, clock: Clock):
    add_labels(audited, clock, 1)

    def change(session: Session) -> None:
        label = session.get_one(Label, 1)
        label.name = "other"
        session.flush()
        label.name = "label 1"

    audited.write(change)
    assert len(read(audited)) == 1


def test_an_insert_without_keys_is_refused_with_what_to_write_instead(audited: Database):
    row = {"name": "new", "name_key": "new", "colour": "teal", "created_at": 1}
    with pytest.raises(UnfollowedChange, match="Add objects to the session"):
        audited.write(lambda session: session.execute(insert(Label).values(**row)))
    with audited.read() as session:
        assert labels.list_labels(session) == []


def test_nothing_listens_on_the_connection_after_a_job(audited: Database, clock: Clock):
    add_labels(audited, clock, 1)
    with pytest.raises(ZeroDivisionError):
        audited.write(lambda _session: 1 // 0)
    seen = audited.writer.run(lambda db: list(db.dispatch.before_execute))
    assert seen == []


def test_a_table_without_a_policy_is_refused(audited: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(UNAUDITED, "counter")  # type: ignore[arg-type]
    with pytest.raises(UnfollowedChange, match="whether counter is audited"):
        audited.write(lambda session: session.add(Counter(name="x", n=1)))
