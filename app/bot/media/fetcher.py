"""Fetcher: downloads media into the file store, as a maintenance job (interval)."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.bot.connections.registry import ConnectionRegistry
from app.bot.media import downloads
from app.bot.media.downloads import Download, DownloadResult
from app.channels.contract import Channel, FileGoneError
from app.db.maintenance_job import MaintenanceJob
from app.db.writer import Database
from app.files import FileStore
from app.signals import DomainError

log = structlog.get_logger(__name__)

POLL_INTERVAL_MS = 1_000


class Fetcher:
    """Fetches the files that are due, as a maintenance job; `clock` in ms."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        registry: ConnectionRegistry,
        store: FileStore,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._channels = channels
        self._registry = registry
        self._store = store
        self._clock = clock
        self.job = MaintenanceJob(
            name="fetcher",
            run=lambda _context: self.fetch_due() == downloads.BATCH_SIZE,
            interval_ms=POLL_INTERVAL_MS,
            pause_ms=0,
            own_thread=True,
            on_error=_log_failure,
        )

    def fetch_due(self) -> int:
        """Fetch what is due; returns how many files were tried."""
        due = self._database.writer.submit(downloads.claim_due, self._clock()).result()
        if due:
            asyncio.run(self._fetch_all(due))
        return len(due)

    async def _fetch_all(self, due: list[Download]) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            await asyncio.gather(*(self._process(http, each) for each in due))

    async def _process(self, http: aiohttp.ClientSession, download: Download) -> None:
        fetched = await self._fetch(http, download)
        now = self._clock()
        wanted_still = await asyncio.to_thread(
            self._database.write, lambda session: downloads.record_result(session, fetched, now)
        )
        if not wanted_still:
            self._delete_unreferenced(fetched.sha256)
        if fetched.error:
            log.warning("file not fetched", file=download.id, tries=download.attempts, reason=fetched.error)

    def _delete_unreferenced(self, sha256: str) -> None:
        with self._database.read() as session:
            for each in downloads.find_unreferenced(session, [sha256]):
                self._store.delete(each)

    async def _fetch(self, http: aiohttp.ClientSession, download: Download) -> DownloadResult:
        account = self._registry.find(download.connection_id)
        if account is None:
            return DownloadResult(download, error="The connection of this chat was removed.", is_final=True)
        channel = self._channels[account.channel]
        try:
            with self._store.open_incoming() as incoming:
                mime = await channel.fetch(http, account.config, download.media_id, incoming)
                return DownloadResult(download, incoming.save(), mime, incoming.size)
        except FileGoneError as error:
            return DownloadResult(download, error=str(error), is_final=True)
        except DomainError as error:
            return DownloadResult(download, error=str(error))
        except OSError as error:
            return DownloadResult(
                download, error=f"The file could not be stored: {error.strerror}. Is the disk full?"
            )


def _log_failure(error: Exception) -> None:
    foreseen = isinstance(error, SQLAlchemyError | OSError)
    log.warning("files not fetched", reason=type(error).__name__, exc_info=not foreseen)
