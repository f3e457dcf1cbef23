"""Query helper: first row since a moment without an index on time."""

from typing import Protocol

from sqlalchemy import Connection as Db
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session


class TimedRow(Protocol):
    """A table whose ids grow with the time a row was stored (ms since 1970)."""

    id: Mapped[int]
    created_at: Mapped[int]


def find_first_since(db: Session | Db, since: int, model: type[TimedRow]) -> int:
    """Return the lowest id of `model` stored at or after `since` (ms since 1970), or one past the highest.

    Ids grow with time, so some twenty look-ups by key replace an index over the time of every row.
    """
    low, high = 1, (db.scalar(select(func.max(model.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = db.execute(
            select(model.id, model.created_at).where(model.id >= middle).order_by(model.id).limit(1)
        ).one()
        if found.created_at < since:
            low = found.id + 1
        else:
            high = middle
    return low
