"""Stored attempts of a send: failures, the success after them, actions of operators."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.bot.models import Attempt
from app.bot.states import AttemptOutcome, FailureAction
from app.db.statements import Statement

_COLUMNS: Final = ("message_id", "at", "number", "outcome", "error_code", "error", "user_id", "errand_id")
_INSERT_ATTEMPT = Statement(insert(Attempt).inline(), _COLUMNS)


def build_row(
    message_id: int, at: int, outcome: AttemptOutcome, number: int = 0, why: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the record of one try; `at` in ms, `why` = error code and sentence."""
    code, error = why or (None, None)
    return {
        "message_id": message_id,
        "at": at,
        "number": number,
        "outcome": outcome,
        "error_code": code and code[:40],
        "error": error and error[:500],
    }


def write(db: Db, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store records of tries in the caller's transaction."""
    if rows:
        _INSERT_ATTEMPT.execute_many(db, rows)


def record_action(session: Session, message_id: int, outcome: FailureAction, at: int, **more: Any) -> None:
    """Store what an operator did; `before` = the error code and sentence the message had, `at` in ms."""
    code, error = more.pop("before", (None, None))
    session.add(
        Attempt(message_id=message_id, outcome=outcome, at=at, number=0, error_code=code, error=error, **more)
    )


def list_by_message(session: Session, message_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """Return the records of each message, the oldest first."""
    query = select(Attempt).where(Attempt.message_id.in_(message_ids)).order_by(Attempt.id)
    found: dict[int, list[Attempt]] = {}
    for each in session.scalars(query):
        found.setdefault(each.message_id, []).append(each)
    return found
