"""Open connections of a process: routing by account, decrypted configuration, refresh interval, check time-out."""

import asyncio
import threading
from collections.abc import Callable, Mapping

import aiohttp
import structlog
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.bot.connections.store import ConnectionStore
from app.bot.models import Connection
from app.bot.polling import Poller
from app.bot.states import ReadMark
from app.channels.contract import Channel, CheckResult
from app.db.writer import Database
from app.immutable import immutable
from app.vault import VaultError

log = structlog.get_logger(__name__)

MAX_AGE_MS = 1_000
# Beyond this age the thread that reads them every second is stuck: look-ups read for themselves.
MAX_AGE_STARTED_MS = 5_000


@immutable
class OpenConnection:
    """A connection with its decrypted configuration."""

    id: int
    name: str
    channel: str
    account: str
    config: BaseModel
    mark_read: str = ReadMark.OFF
    show_typing: bool = False


class ConnectionRegistry:
    """Looks connections up by id or by what their channel routes by; about a second out of date at most.

    Once started, a thread of its own reads them, and no look-up waits for the database unless a connection was changed
    in this process. When the database cannot be asked, what is known stays in use.
    """

    def __init__(self, database: Database, connections: ConnectionStore, clock: Callable[[], int]) -> None:
        self._database = database
        self._connections = connections
        self._clock = clock
        self._lock = threading.Lock()
        self._poller: Poller | None = None
        self._is_failing = False
        self._change_count = 0
        self._read_at = 0
        self._loaded = False
        self._by_id: Mapping[int, OpenConnection] = {}
        self._by_account: Mapping[tuple[str, str], OpenConnection] = {}
        self._rows: dict[int, tuple[object, OpenConnection]] = {}

    def start(self) -> None:
        """Keep the connections read by a thread of its own."""
        self._poller = Poller("connections", self._read_again, _report_error, interval_s=MAX_AGE_MS / 1000)
        self._poller.start()

    def stop(self) -> None:
        """End the thread."""
        if self._poller:
            self._poller.stop(MAX_AGE_MS / 1000)

    def find(self, connection_id: int) -> OpenConnection | None:
        """Find a connection that is in use."""
        self.refresh()
        return self._by_id.get(connection_id)

    def route(self, channel: str, account: str) -> OpenConnection | None:
        """Find the connection a webhook item is for."""
        self.refresh()
        return self._by_account.get((channel, account))

    def list_by_channel(self, channel: str) -> list[OpenConnection]:
        """List the connections of a channel."""
        self.refresh()
        return [account for account in self._by_id.values() if account.channel == channel]

    @property
    def is_stale(self) -> bool:
        """Whether the next look-up reads the database first."""
        max_age_ms = MAX_AGE_STARTED_MS if self._poller else MAX_AGE_MS
        return self._clock() - self._read_at >= max_age_ms

    def invalidate(self) -> None:
        """Read the database at the next look-up: a connection was changed."""
        self._change_count += 1
        self._read_at = 0

    def refresh(self) -> None:
        """Read the database if it is time; raises SQLAlchemyError only when nothing is known yet."""
        if not self.is_stale:
            return
        with self._lock:
            if self.is_stale:
                self._try_to_read()

    def _read_again(self) -> None:
        with self._lock:
            self._try_to_read()

    def _try_to_read(self) -> None:
        began, change_count = self._clock(), self._change_count
        try:
            self._read()
        except SQLAlchemyError as error:
            if not self._loaded:
                raise
            if not self._is_failing:
                log.warning("connections not read; the last ones stay in use", reason=type(error).__name__)
            self._is_failing = True
        else:
            self._is_failing = False
        # What was changed meanwhile is read again.
        self._read_at = began if change_count == self._change_count else 0

    def _read(self) -> None:
        with self._database.read() as session:
            rows = session.scalars(select(Connection).where(Connection.archived_at.is_(None))).all()
            accounts = [account for row in rows if (account := self._open(row))]
        self._by_id = {account.id: account for account in accounts}
        self._by_account = {(a.channel, a.account): a for a in accounts}
        self._loaded = True

    def _open(self, row: Connection) -> OpenConnection | None:
        # Opening secrets costs more than all the rest: done again only when the row has changed.
        mark = (row.name, row.account, row.secrets, str(row.config), row.mark_read, row.show_typing)
        kept = self._rows.get(row.id)
        if kept and kept[0] == mark:
            return kept[1]
        try:
            account = OpenConnection(
                row.id,
                row.name,
                row.channel,
                row.account,
                self._connections.load_config(row),
                row.mark_read,
                row.show_typing,
            )
        except VaultError as error:
            log.error("connection cannot be opened", connection=row.id, reason=str(error))  # noqa: TRY400  the message says it all
            return None
        self._rows[row.id] = (mark, account)
        return account


def _report_error(error: Exception) -> None:
    log.warning("connections not read", reason=type(error).__name__)


CHECK_TIMEOUT_S = 10.0


def check(channels: Mapping[str, Channel], connection: OpenConnection | None) -> CheckResult:
    """Test a connection without sending anything."""
    if connection is None:
        return CheckResult(
            ok=False, message="The secrets of this connection cannot be opened. Enter them again."
        )
    return asyncio.run(_check(channels[connection.channel], connection))


async def _check(channel: Channel, connection: OpenConnection) -> CheckResult:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)) as http:
        return await channel.check(http, connection.config, connection.account)
