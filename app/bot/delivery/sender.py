"""Sender: event loop that sends through the channels; connection limit, keep-alive time (performance 5.5)."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Protocol

import aiohttp
import structlog

from app.bot.connections.registry import ConnectionRegistry
from app.bot.delivery.outbox import SendJob
from app.bot.delivery.read_marks import ReadMarks
from app.channels.contract import (
    Channel,
    RefusalClass,
    SendRefusal,
    SendResult,
    UnknownOutcome,
)
from app.signals import DomainError

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 512
# Shorter than servers keep an idle connection: a send must not meet one that is just being closed.
KEEP_ALIVE_S = 15
USER_AGENT = "Brainbox"

SendCallback = Callable[[SendJob, SendResult], None]


class SendQueue(Protocol):
    """Takes sends from any thread."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The channels sends go through, by kind."""
        ...

    @property
    def read_marks(self) -> ReadMarks:
        """Read marks and typing indicators, which go out without being waited for."""
        ...

    def send(self, job: SendJob, on_done: SendCallback) -> None:
        """Queue a send; its outcome is handed to `on_done`, in a thread of the queue's."""
        ...

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call something in that thread; raises RuntimeError once it has ended."""
        ...


class Sender:
    """Sends through channels; each outcome is handed to its `on_done` in the loop's thread."""

    def __init__(
        self, channels: Mapping[str, Channel], registry: ConnectionRegistry, read_marks: ReadMarks
    ) -> None:
        self.channels = channels
        self.read_marks = read_marks
        self._registry = registry
        self._loop = asyncio.new_event_loop()
        self._http: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, job: SendJob, on_done: SendCallback) -> None:
        """Queue a send; callable from any thread."""
        if threading.current_thread() is self._thread:
            self._start(job, on_done)
        else:
            self._loop.call_soon_threadsafe(self._start, job, on_done)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call something in the loop's thread; callable from any thread, raises RuntimeError once it has ended."""
        self._loop.call_soon_threadsafe(call)

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

    def _start(self, job: SendJob, on_done: SendCallback) -> None:
        task = self._loop.create_task(self._send(job, on_done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, job: SendJob, on_done: SendCallback) -> None:
        if job.delay_ms:
            await asyncio.sleep(job.delay_ms / 1000)
        on_done(job, await self._send_through_channel(job))

    async def _send_through_channel(self, job: SendJob) -> SendResult:
        try:
            connection = self._registry.find(job.target.connection_id)
        except DomainError as error:
            return SendRefusal(RefusalClass.TOKEN, error.code, str(error))
        if connection is None:
            return SendRefusal(RefusalClass.FIX, "connection", "The connection of this chat was removed.")
        channel = self.channels[connection.channel]
        try:
            return await channel.send(self._get_http(), connection.config, job.outbound)
        except DomainError as error:
            return SendRefusal(RefusalClass.FIX, error.code, str(error))
        except Exception as error:  # a border: a fault of ours must not leave the chat waiting for its lease
            log.exception("send failed", key=job.key)
            return UnknownOutcome(f"An error inside Brainbox while sending: {type(error).__name__}.")

    def _get_http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S),
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
