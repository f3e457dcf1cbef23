"""Sender: sends messages through the channels, without waiting in the thread that asks."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from app.bot.connections.registry import ConnectionRegistry
from app.bot.delivery.http_loop import HttpLoop
from app.bot.delivery.outbox import SendJob
from app.channels.contract import (
    Channel,
    RefusalClass,
    SendRefusal,
    SendResult,
    UnknownOutcome,
)
from app.signals import DomainError

log = structlog.get_logger(__name__)

SendCallback = Callable[[SendJob, SendResult], None]


class SendQueue(Protocol):
    """Takes sends from any thread."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The channels sends go through, by kind."""
        ...

    def send(self, job: SendJob, on_done: SendCallback) -> None:
        """Queue a send; its outcome is handed to `on_done`, in a thread of the queue's."""
        ...

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call something in that thread; raises RuntimeError once it has ended."""
        ...


class Sender:
    """Sends through channels; each outcome is handed to its `on_done` in the loop's thread."""

    def __init__(self, channels: Mapping[str, Channel], registry: ConnectionRegistry, loop: HttpLoop) -> None:
        self.channels = channels
        self._registry = registry
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, job: SendJob, on_done: SendCallback) -> None:
        """Queue a send; callable from any thread."""
        self._loop.submit(self._start, job, on_done)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call something in the loop's thread; callable from any thread, raises RuntimeError once it has ended."""
        self._loop.submit(call)

    def close(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the sends under way, then drop them."""
        self._loop.wait_for(lambda: self._finish(timeout), timeout + 5)

    def _start(self, job: SendJob, on_done: SendCallback) -> None:
        task = asyncio.get_running_loop().create_task(self._send(job, on_done))
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
            return await channel.send(self._loop.get_http(), connection.config, job.outbound)
        except DomainError as error:
            return SendRefusal(RefusalClass.FIX, error.code, str(error))
        except Exception:  # a border: a fault of ours must not leave the chat waiting for its lease
            log.exception("send failed", key=job.key)
            return UnknownOutcome(
                "Brainbox itself failed while it sent this message: the server's log says why."
            )

    async def _finish(self, timeout: float) -> None:  # noqa: ASYNC109  the caller's time, not a cancellation scope
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)
        for task in self._tasks:
            task.cancel()
