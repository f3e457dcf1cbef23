"""New messages of transaction A: inserted many at a time, those that are known already left out."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.bot.models import Message
from app.bot.models.message_rows import INBOUND_COLUMNS, InboundRow
from app.db.schema import get_table
from app.db.statements import Rows, Statement

_message = get_table(Message).c
_RETURNED: Final = tuple(
    _message[name]
    for name in ("id", "connection_id", "provider_id", "chat_id", "state", "direction", "provider_at")
)


def _build_insert(dialect: Any) -> Any:
    return dialect.insert(Message).inline().on_conflict_do_nothing()


_INSERT_RETURNING = Statement(_build_insert(postgresql).returning(*_RETURNED), INBOUND_COLUMNS)
_INSERT = Statement(_build_insert(sqlite), INBOUND_COLUMNS)
_SELECT_NEWEST = Statement(select(func.max(_message.id).label("id")))
_SELECT_SINCE = Statement(select(*_RETURNED).where(_message.id > bindparam("newest")).order_by(_message.id))


def insert_new(db: Db, rows: Sequence[InboundRow]) -> Rows:
    """Insert messages and return what identifies those that were not known."""
    if db.dialect.name == "postgresql":
        return _INSERT_RETURNING.execute_many_returning(db, rows)
    # RETURNING would hand them over one by one, each with a turn for Python's lock. Nobody else writes meanwhile, and
    # a new id is larger than all there are.
    [newest] = _SELECT_NEWEST.execute(db)
    _INSERT.execute_many(db, rows)
    return _SELECT_SINCE.execute(db, {"newest": newest["id"] or 0})
