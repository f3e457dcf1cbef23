"""The fetcher: brings the files of messages into the store, beside the messages' own way and never in it."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.bot import media_store
from app.bot.accounts import Accounts
from app.bot.beside import Beside
from app.bot.channels.contract import Channel, FileGone
from app.bot.files import FileStore
from app.bot.media_store import Fetched, Wanted
from app.signals import DomainError, changed
from app.writer import Database

log = structlog.get_logger(__name__)


class Fetcher:
    """Looks for files that are due, in `beside`; `clock` in ms."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        accounts: Accounts,
        store: FileStore,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._channels = channels
        self._accounts = accounts
        self._store = store
        self._clock = clock
        self.beside = Beside("fetcher", lambda: self.look() == media_store.BATCH, _failed)

    def look(self) -> int:
        """Fetch what is due; returns how many files were tried."""
        due = self._database.writer.submit(media_store.take_due, self._clock()).result()
        if due:
            asyncio.run(self._fetch_all(due))
        return len(due)

    async def _fetch_all(self, due: list[Wanted]) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            await asyncio.gather(*(self._bring(http, each) for each in due))

    async def _bring(self, http: aiohttp.ClientSession, wanted: Wanted) -> None:
        fetched = await self._fetch(http, wanted)
        now = self._clock()
        wanted_still = await asyncio.to_thread(
            self._database.write, lambda session: media_store.store(session, fetched, now)
        )
        if not wanted_still:
            self._forget(fetched.sha256)
        if fetched.error:
            log.warning("file not fetched", file=wanted.id, tries=wanted.attempts, reason=fetched.error)
        changed.send(topics={f"chat:{wanted.chat_id}"})

    def _forget(self, sha256: str) -> None:
        with self._database.read() as session:
            for each in media_store.unneeded(session, [sha256]):
                self._store.forget(each)

    async def _fetch(self, http: aiohttp.ClientSession, wanted: Wanted) -> Fetched:
        account = self._accounts.by_id(wanted.connection_id)
        if account is None:
            return Fetched(wanted, error="The connection of this chat was removed.", final=True)
        channel = self._channels[account.channel]
        try:
            with self._store.taking() as incoming:
                mime = await channel.fetch(http, account.config, wanted.media_id, incoming)
                return Fetched(wanted, incoming.keep(), mime, incoming.size)
        except FileGone as error:
            return Fetched(wanted, error=str(error), final=True)
        except DomainError as error:
            return Fetched(wanted, error=str(error))
        except OSError as error:
            return Fetched(wanted, error=f"The file could not be stored: {error.strerror}. Is the disk full?")


def _failed(error: Exception) -> None:
    foreseen = isinstance(error, SQLAlchemyError | OSError)
    log.warning("files not fetched", reason=type(error).__name__, exc_info=not foreseen)
