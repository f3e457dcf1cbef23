"""The sender: one event loop that keeps many sends under way on kept-open connections (performance 5.5)."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import aiohttp
import structlog

from app.bot.accounts import Accounts
from app.bot.channels.contract import Channel, Fault, Outbound, Refused, SendResult, Uncertain
from app.bot.outbox import Order
from app.signals import DomainError

log = structlog.get_logger(__name__)

OPEN_CONNECTIONS = 512
# Shorter than servers keep an idle connection: a send must not meet one that is just being closed.
KEEP_ALIVE = 15
USER_AGENT = "Brainbox"

Done = Callable[[Order, SendResult], None]


class Sender:
    """Sends orders through their channels; each outcome is handed to `done` in the loop's thread."""

    def __init__(self, channels: Mapping[str, Channel], accounts: Accounts, done: Done) -> None:
        self._channels = channels
        self._accounts = accounts
        self._done = done
        self._loop = asyncio.new_event_loop()
        self._http: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, order: Order) -> None:
        """Queue a send; callable from any thread."""
        self._loop.call_soon_threadsafe(self._start, order)

    def close(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the sends under way, then stop."""
        finished: Future[None] = asyncio.run_coroutine_threadsafe(self._finish(timeout), self._loop)
        finished.result(timeout + 5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _start(self, order: Order) -> None:
        task = self._loop.create_task(self._send(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, order: Order) -> None:
        if order.wait:
            await asyncio.sleep(order.wait / 1000)
        self._done(order, await self._result(order))

    async def _result(self, order: Order) -> SendResult:
        sending = order.sending
        try:
            account = self._accounts.by_id(sending.connection_id)
        except DomainError as error:
            return Refused(Fault.TOKEN, error.code, str(error))
        if account is None:
            return Refused(Fault.FIX, "connection", "The connection of this chat was removed.")
        outbound = Outbound(
            order.key, sending.account, sending.person, order.content, sending.group_id, order.quoted_id
        )
        channel = self._channels[account.channel]
        try:
            return await channel.send(self._session(), account.config, outbound)
        except DomainError as error:
            return Refused(Fault.FIX, error.code, str(error))
        except Exception as error:  # a border: a fault of ours must not leave the chat waiting for its lease
            log.exception("send failed", key=order.key)
            return Uncertain(f"An error inside Brainbox while sending: {type(error).__name__}.")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=OPEN_CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                headers={"User-Agent": USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    async def _finish(self, timeout: float) -> None:  # noqa: ASYNC109  the caller's time, not a cancellation scope
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)
        for task in self._tasks:
            task.cancel()
        if self._http:
            await self._http.close()
