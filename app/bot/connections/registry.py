"""The connections a process serves, opened and kept for a second: routing, secrets and configurations."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.bot.connections import Connections
from app.bot.models import Connection
from app.vault import VaultError
from app.writer import Database

log = structlog.get_logger(__name__)

FRESH = 1_000


@dataclass(frozen=True, slots=True)
class Account:
    """One connection, ready to be used."""

    id: int
    name: str
    channel: str
    account: str
    config: BaseModel


class Accounts:
    """Looks connections up by id or by what their channel routes by; at most a second out of date.

    When the database cannot be asked, what is known stays in use.
    """

    def __init__(self, database: Database, connections: Connections, clock: Callable[[], int]) -> None:
        self._database = database
        self._connections = connections
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = 0
        self._known = False
        self._by_id: Mapping[int, Account] = {}
        self._by_account: Mapping[tuple[str, str], Account] = {}
        self._rows: dict[int, tuple[object, Account]] = {}

    def by_id(self, connection_id: int) -> Account | None:
        """Find a connection that is in use."""
        self.refresh()
        return self._by_id.get(connection_id)

    def route(self, channel: str, account: str) -> Account | None:
        """Find the connection a webhook item is for."""
        self.refresh()
        return self._by_account.get((channel, account))

    def of(self, channel: str) -> list[Account]:
        """List the connections of a channel."""
        self.refresh()
        return [account for account in self._by_id.values() if account.channel == channel]

    @property
    def stale(self) -> bool:
        """Whether the next question reads the database first."""
        return self._clock() - self._read_at >= FRESH

    def forget(self) -> None:
        """Read again at the next question: a connection was changed."""
        self._read_at = 0

    def refresh(self) -> None:
        """Read the database if it is time; raises SQLAlchemyError only when nothing is known yet."""
        if not self.stale:
            return
        with self._lock:
            if not self.stale:
                return
            try:
                self._read()
            except SQLAlchemyError as error:
                if not self._known:
                    raise
                log.warning("connections not read; the last ones stay in use", reason=type(error).__name__)
            self._read_at = self._clock()

    def _read(self) -> None:
        with self._database.read() as session:
            rows = session.scalars(select(Connection).where(Connection.archived_at.is_(None))).all()
            accounts = [account for row in rows if (account := self._open(row))]
        self._by_id = {account.id: account for account in accounts}
        self._by_account = {(a.channel, a.account): a for a in accounts}
        self._known = True

    def _open(self, row: Connection) -> Account | None:
        # Opening secrets costs more than all the rest: done again only when the row has changed.
        mark = (row.name, row.account, row.secrets, str(row.config))
        kept = self._rows.get(row.id)
        if kept and kept[0] == mark:
            return kept[1]
        try:
            account = Account(row.id, row.name, row.channel, row.account, self._connections.config(row))
        except VaultError as error:
            log.error("connection cannot be opened", connection=row.id, reason=str(error))  # noqa: TRY400  the message says it all
            return None
        self._rows[row.id] = (mark, account)
        return account
