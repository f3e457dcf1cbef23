"""Numbers without rows of their own, counted in memory and added up in the database now and then."""

import threading
from collections import Counter as Bag

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.bot.models import Counter
from app.writer import Database


class Counters:
    """Counts without touching the database, so that a flood of bad webhooks costs it nothing."""

    def __init__(self) -> None:
        self._bag: Bag[str] = Bag()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """Count one."""
        with self._lock:
            self._bag[name] += 1

    def flush(self, database: Database) -> None:
        """Add what was counted since the last flush to the stored numbers."""
        with self._lock:
            counted, self._bag = self._bag, Bag()
        if counted:
            database.write(lambda session: _store(session, counted))


def _store(session: Session, counted: "Bag[str]") -> None:
    postgres = session.get_bind().dialect.name == "postgresql"
    for name, n in sorted(counted.items()):
        query = (postgresql if postgres else sqlite).insert(Counter).values(name=name, n=n)
        session.execute(
            query.on_conflict_do_update(index_elements=["name"], set_={"n": Counter.n + query.excluded.n})
        )
