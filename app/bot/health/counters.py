"""Counters without rows of their own, kept in memory and flushed to the database."""

import threading
from collections import Counter as Bag

from sqlalchemy.orm import Session

from app.bot.models import Counter
from app.db.statements import build_insert
from app.db.writer import Database


class Counters:
    """Counts without touching the database, so that many bad webhooks cost it nothing."""

    def __init__(self) -> None:
        self._counts: Bag[str] = Bag()
        self._lock = threading.Lock()

    def increment(self, name: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[name] += 1

    def flush(self, database: Database) -> None:
        """Add what was counted since the last flush to the stored numbers."""
        with self._lock:
            counted, self._counts = self._counts, Bag()
        if counted:
            database.write(lambda session: _add_to_rows(session, counted))


def _add_to_rows(session: Session, counted: "Bag[str]") -> None:
    for name, n in sorted(counted.items()):
        query = build_insert(session, Counter).values(name=name, n=n)
        session.execute(
            query.on_conflict_do_update(index_elements=["name"], set_={"n": Counter.n + query.excluded.n})
        )
