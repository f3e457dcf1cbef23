"""Store of log events: a database of its own (SQLite) or a schema of its own (PostgreSQL), its search and pruning.

The application uses `EventStore`; `open_store` makes it.
"""

from app.logs.store.event_store import EventStore, open_store

__all__ = ["EventStore", "open_store"]
