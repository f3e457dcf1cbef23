"""The dispatcher: drains ready chats in batches, runs their brains, hands sends on (performance 5.3)."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from app.bot import claims, outbox, turns
from app.bot.channels.contract import Channel, SendResult
from app.bot.claims import Job, Work
from app.bot.lease import Claim
from app.bot.outbox import Completed, Completion, Order
from app.bot.pacing import backoff
from app.bot.programs import Programs
from app.bot.turns import Deferred, Ended, Stored
from app.signals import changed
from app.writer import Database

log = structlog.get_logger(__name__)

BATCH = 64
# Chats with a send under way, at most: beyond that, waiting helps more than claiming.
IN_FLIGHT = 512


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a dispatcher keeps time: lease, grace and sweep in ms."""

    owner: str
    lease: int
    grace: int
    sweep: int
    clock: Callable[[], int]


class Dispatcher:
    """One thread that claims and runs, woken by a bell or by its own sweep."""

    def __init__(
        self, database: Database, channels: Mapping[str, Channel], programs: Programs, pulse: Pulse
    ) -> None:
        self._database = database
        self._channels = channels
        self._programs = programs
        self._pulse = pulse
        self._random = random.Random()
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._count = threading.Lock()
        self.in_flight = 0
        self.send: Callable[[Order], None] = _no_sender
        self._thread = threading.Thread(target=self._loop, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._bell.set()

    def stop(self, timeout: float) -> None:
        """Claim nothing more and end the thread; sends under way go on."""
        self._stopping.set()
        self._bell.set()
        self._thread.join(timeout)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._bell.wait(self._pulse.sweep / 1000)
            self._bell.clear()
            try:
                while not self._stopping.is_set() and self._drain():
                    pass
            except Exception:  # the sweep: it must outlive everything, the rows wait
                log.exception("dispatch failed")
                self._stopping.wait(self._pulse.sweep / 1000)

    def _drain(self) -> bool:
        """Serve one batch; true when there may be more."""
        room = IN_FLIGHT - self.in_flight
        if room <= 0:
            # A completion rings.
            return False
        limit = min(BATCH, room)
        pulse = self._pulse
        wish = claims.Wish(Claim(pulse.owner, limit, pulse.clock(), pulse.lease), pulse.grace, self._channels)
        work: Work = self._database.writer.submit(claims.claim, wish).result()
        self._tell(work.changed)
        for order in work.orders:
            self._order(order)
        if work.jobs:
            self._run(work.jobs)
        return work.claimed == limit

    def _run(self, jobs: Sequence[Job]) -> None:
        try:
            ended = self._programs.run(jobs)
        except Exception as error:  # the task wrapper's border: the turns are put back, not lost
            log.exception("turns could not be run", turns=len(jobs))
            self._defer(jobs, f"The turn could not be run: {type(error).__name__}.")
            return
        for turn in ended:
            self._database.writer.submit(turns.store, turn).add_done_callback(_after(self._stored, turn))

    def _defer(self, jobs: Sequence[Job], reason: str) -> None:
        now = self._pulse.clock()
        for job in jobs:
            wait = backoff(3, self._random.random())
            late = Deferred(job.lease, job.message["id"], reason, now, wait)
            self._database.writer.submit(turns.defer, late).result()

    def _stored(self, turn: Ended, stored: Stored) -> None:
        if stored.fenced:
            log.warning("lease lost before the turn was stored", chat=turn.lease.chat_id)
            return
        log.info(
            "turn",
            message=turn.message_id,
            chat=turn.lease.chat_id,
            outcome=turn.run["outcome"],
            micros=turn.run["micros"],
        )
        self._tell({turn.lease.chat_id})
        if stored.order:
            self._order(stored.order)
        elif stored.more:
            self._bell.set()

    def _order(self, order: Order) -> None:
        with self._count:
            self.in_flight += 1
        self.send(order)

    def sent(self, order: Order, result: SendResult) -> None:
        """Store the outcome of a send; called by the sender."""
        done = Completion(order, result, self._pulse.clock(), self._random.random())
        self._database.writer.submit(outbox.complete, done).add_done_callback(
            _after(self._completed, done, failed=self._landed)
        )

    def _completed(self, done: Completion, completed: Completed) -> None:
        self._landed()
        self._tell({done.order.lease.chat_id})
        if completed.parked:
            log.error(
                "connection parked", connection=done.order.sending.connection_id, reason=completed.parked
            )
            changed.send(topics={"connections"})
        if completed.order:
            self._order(completed.order)
        elif completed.more or self.in_flight >= IN_FLIGHT - 1:
            self._bell.set()

    def _landed(self) -> None:
        with self._count:
            self.in_flight -= 1

    def _tell(self, chat_ids: set[int]) -> None:
        if chat_ids:
            changed.send(topics={"chats", "dashboard", *(f"chat:{i}" for i in chat_ids)})


def _after(
    follow: Callable[[Any, Any], None], subject: Any, failed: Callable[[], None] | None = None
) -> Callable[[Future[Any]], None]:
    """Call `follow(subject, result)` when a write is committed; a write that failed is logged, its lease runs out."""

    def call(future: Future[Any]) -> None:
        error = future.exception()
        if error is None:
            follow(subject, future.result())
            return
        if failed:
            failed()
        log.error("write failed", exc_info=error)

    return call


def _no_sender(order: Order) -> None:
    raise RuntimeError(f"no sender for {order.key}")
