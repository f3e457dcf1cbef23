"""Receiver: the only entry through which the items of every channel reach the database."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError

from app import topics
from app.bot import wakeup
from app.bot.contact_cache import ContactCache
from app.bot.delivery.read_marks import ReadMarks
from app.bot.ingest import inbox
from app.bot.ingest.inbox import InboundBatch, Inbox, IngestResult
from app.db.commit_wait import Wait
from app.db.follow_up import FollowUp
from app.db.writer import Database
from app.signals import changed, work_ready

T = TypeVar("T")
Submit = Callable[[InboundBatch], Awaitable[IngestResult]]
TOUCH_INTERVAL_MS = 1_000
# Items of one transaction at most: a webhook may bring thousands, of people never seen before, while others wait.
MAX_ITEMS = 16


class Receiver:
    """Stores batches as transaction A and tells workers and browsers; `clock` in ms.

    A message that is `stale_after_ms` old when it arrives is kept without an answer.
    """

    def __init__(
        self, database: Database, clock: Callable[[], int], stale_after_ms: int, read_marks: ReadMarks
    ) -> None:
        self._database = database
        self._clock = clock
        self._read_marks = read_marks
        self._contacts = ContactCache()
        self._inbox = Inbox(stale_after_ms, self._contacts)
        self._touched_at: dict[int, int] = {}

    def receive(self, batch: InboundBatch) -> IngestResult:
        """Store a batch and return after its commit; raises SQLAlchemyError."""
        return run_blocking(self._receive(batch, self._submit_blocking))

    async def receive_waiting(self, batch: InboundBatch) -> IngestResult:
        """Store a batch as `receive` does, in an event loop, run by `commit_wait.run`; raises SQLAlchemyError."""
        return await self._receive(batch, self._submit_waiting)

    async def _receive(self, batch: InboundBatch, submit: Submit) -> IngestResult:
        batch = replace(batch, received_at=self._clock())
        size = sum(len(items) for _, items in batch.parts) + len(batch.raw_items)
        if size <= MAX_ITEMS:
            return await self._store(batch, submit)
        # Piece by piece: whoever comes meanwhile is stored between two of them. What is delivered again because a
        # later piece failed is known by its ids.
        whole = IngestResult()
        for piece in batch.split(MAX_ITEMS):
            whole.merge(await self._store(piece, submit))
        return whole

    async def _store(self, batch: InboundBatch, submit: Submit) -> IngestResult:
        try:
            result = await submit(batch)
        except IntegrityError:
            # A chat this process remembers was erased meanwhile.
            self._contacts.clear()
            result = await submit(batch)
        self._follow_commit(batch, result)
        return result

    async def _submit_blocking(self, batch: InboundBatch) -> IngestResult:
        return self._database.writer.submit(self._inbox.ingest, batch).result()

    async def _submit_waiting(self, batch: InboundBatch) -> IngestResult:
        call_soon = asyncio.get_running_loop().call_soon_threadsafe
        post, ingest = self._database.writer.post, self._inbox.ingest
        return await Wait(lambda resume: post(ingest, batch, FollowUp(resume, call_soon)))

    def _follow_commit(self, batch: InboundBatch, result: IngestResult) -> None:
        """Cache the contacts, wake workers and notify browsers; never blocks."""
        now = self._clock()
        self._contacts.add(result.new_contacts)
        self._touch_connections({connection_id for connection_id, _ in batch.parts}, now)
        if result.ready_chats:
            self._read_marks.note_received(batch.parts)
        if result.resolved_chats:
            wakeups = self._database.writer.submit(wakeup.wake_resolved, (result.resolved_chats, now))
            wakeups.add_done_callback(lambda _done: work_ready.send(chats=len(result.resolved_chats)))
        if result.ready_chats:
            work_ready.send(chats=len(result.ready_chats))
        if result.changed_chats:
            changed.send(topics={topics.chats(), topics.dashboard(), *map(topics.chat, result.changed_chats)})
        if result.has_failures:
            changed.send(topics={topics.failures()})

    def _touch_connections(self, connection_ids: set[int], now: int) -> None:
        # Once a second is enough to prove that statuses can reach us, and spares a hot row.
        for connection_id in connection_ids:
            if now - self._touched_at.get(connection_id, 0) >= TOUCH_INTERVAL_MS:
                self._touched_at[connection_id] = now
                self._database.writer.submit(inbox.touch_connections, (connection_id, now))


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose awaits block instead of suspending, so that threads need no event loop for it."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("the coroutine waits for an event loop")
