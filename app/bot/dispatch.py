"""The dispatcher: drains ready chats in batches, runs their brains, hands sends on (performance 5.3)."""

import heapq
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from app.bot import bursts, claims, deferring, lease, outbox, turns
from app.bot.bursts import Waiting
from app.bot.channels.contract import Channel, SendResult, Sent
from app.bot.chores import Chores
from app.bot.claims import Job, Work
from app.bot.deferring import Deferred, PutBack
from app.bot.lease import Claim
from app.bot.outbox import Completed, Completion, Order
from app.bot.programs import Programs
from app.bot.rollouts import Reverted
from app.bot.running import Coming, Result, Runs
from app.bot.turns import Ended, Stored
from app.signals import changed
from app.writer import Database

log = structlog.get_logger(__name__)

BATCH = 64
# Chats with a send or a run under way, at most: beyond that, waiting helps more than claiming.
IN_FLIGHT = 512
# Runs that wait for an answer from outside are waited for this long (s) at the end: their requests would go out twice.
STOP_RUNS = 5.0


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
        self._sending = 0
        self._runs = Runs(pulse.clock, self._renew, self._ran)
        self._chores = Chores(database, pulse.clock, pulse.sweep)
        self._wakes: list[int] = []
        self.send: Callable[[Order], None] = _no_sender
        self._thread = threading.Thread(target=self._loop, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._bell.set()

    def stop(self, timeout: float) -> None:
        """Claim nothing more and end the thread; sends under way go on, runs that take long are left to others."""
        self._stopping.set()
        self._bell.set()
        self._thread.join(timeout)
        self._runs.close(STOP_RUNS)

    @property
    def in_flight(self) -> int:
        """Sends and runs under way."""
        return self._sending + len(self._runs)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._bell.wait(self._pause())
            self._bell.clear()
            try:
                while not self._stopping.is_set() and self._drain():
                    pass
            except Exception:  # the sweep: it must outlive everything, the rows wait
                log.exception("dispatch failed")
                self._stopping.wait(self._pulse.sweep / 1000)

    def _pause(self) -> float:
        """Return how long (s) there is nothing to do unless the bell rings."""
        now = self._pulse.clock()
        wait = self._chores.wait
        while self._wakes and self._wakes[0] <= now:
            heapq.heappop(self._wakes)
            wait = 0
        return min(wait, self._wakes[0] - now if self._wakes else wait) / 1000

    def _wake(self, at: int) -> None:
        """Look at this moment (ms) at the latest."""
        heapq.heappush(self._wakes, at)
        self._chores.expect(at)
        if at - self._pulse.clock() < self._pulse.sweep:
            # The loop may be asleep already: it has to learn of the earlier moment.
            self._bell.set()

    def _drain(self) -> bool:
        """Serve one batch; true when there may be more."""
        self._runs.renew()
        self._tell(self._chores.look(), troubled=True)
        room = IN_FLIGHT - self.in_flight
        if room <= 0:
            # A completion rings.
            return False
        limit = min(BATCH, room)
        pulse = self._pulse
        wish = claims.Wish(Claim(pulse.owner, limit, pulse.clock(), pulse.lease), pulse.grace, self._channels)
        work: Work = self._database.writer.submit(claims.claim, wish).result()
        self._tell(work.changed, troubled=True)
        for order in work.orders:
            self._order(order)
        if work.jobs:
            self._run(work.jobs)
        return work.claimed == limit

    def _run(self, jobs: Sequence[Job]) -> None:
        try:
            results = self._programs.run(jobs)
        except Exception as error:  # the task wrapper's border: the turns are put back, not lost
            log.exception("turns could not be run", turns=len(jobs))
            self._defer(jobs, f"The turn could not be run: {type(error).__name__}.")
            return
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Coming):
                self._runs.add(job, result)
            else:
                self._finish(result)

    def _ran(self, job: Job, coming: Coming) -> None:
        """Take a run that is back from outside."""
        try:
            self._finish(coming.result())
        except Exception as error:  # the task wrapper's border again, for a run that took its time
            log.exception("turn could not be run", chat=job.lease.chat_id)
            self._defer([job], f"The turn could not be run: {type(error).__name__}.")
        if self.in_flight >= IN_FLIGHT - 1:
            self._bell.set()

    def _finish(self, result: Result) -> None:
        writer = self._database.writer
        if isinstance(result, Waiting):
            writer.submit(bursts.wait, result).add_done_callback(
                _after(lambda waiting, _done: self._wake(waiting.ready_at), result)
            )
        elif isinstance(result, Deferred):
            writer.submit(deferring.defer, result).add_done_callback(_after(self._deferred, result))
        else:
            writer.submit(turns.store, result).add_done_callback(_after(self._stored, result))

    def _renew(self, renewal: tuple[Sequence[lease.Lease], int]) -> None:
        self._database.writer.submit(lease.renew, renewal)

    def _defer(self, jobs: Sequence[Job], reason: str) -> None:
        now = self._pulse.clock()
        for job in jobs:
            self._finish(Deferred(job.lease, job.message["id"], reason, now))

    def _deferred(self, late: Deferred, back: PutBack) -> None:
        log.warning(
            "turn put back", message=late.message_id, chat=late.lease.chat_id, code=late.code, dead=back.dead
        )
        self._tell({late.lease.chat_id}, troubled=back.dead)
        if back.ready_at is not None:
            self._wake(back.ready_at)

    def _stored(self, turn: Ended, stored: Stored) -> None:
        if stored.fenced:
            log.warning("lease lost before the turn was stored", chat=turn.lease.chat_id)
            return
        if stored.wake_at is not None:
            self._wake(stored.wake_at)
        if stored.reverted:
            self._reverted(stored.reverted)
        if stored.again:
            log.info("turn overtaken", message=turn.message_id, chat=turn.lease.chat_id)
            return
        log.info(
            "turn",
            message=turn.message_id,
            chat=turn.lease.chat_id,
            outcome=turn.run["outcome"],
            micros=turn.run["micros"],
        )
        self._tell({turn.lease.chat_id})
        if turn.counted:
            changed.send(topics={f"brain:{turn.run['brain_id']}"})
        if stored.order:
            self._order(stored.order)
        elif stored.more:
            self._bell.set()

    def _reverted(self, reverted: Reverted) -> None:
        log.warning(
            "candidate taken back",
            brain=reverted.brain_id,
            rollout=reverted.rollout_id,
            reason=reverted.reason,
        )
        changed.send(topics={"dashboard", "brains", f"brain:{reverted.brain_id}"})
        # Whoever is to be told is told now, not at the next sweep.
        self._chores.expect(self._pulse.clock())
        self._bell.set()

    def _order(self, order: Order) -> None:
        with self._count:
            self._sending += 1
        self.send(order)

    def sent(self, order: Order, result: SendResult) -> None:
        """Store the outcome of a send; called by the sender."""
        done = Completion(order, result, self._pulse.clock(), self._random.random())
        self._database.writer.submit(outbox.complete, done).add_done_callback(
            _after(self._completed, done, failed=self._landed)
        )

    def _completed(self, done: Completion, completed: Completed) -> None:
        self._landed()
        troubled = done.order.resumed or not isinstance(done.result, Sent)
        self._tell({done.order.lease.chat_id}, troubled=troubled)
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
            self._sending -= 1

    def _tell(self, chat_ids: set[int], *, troubled: bool = False) -> None:
        if chat_ids:
            more = {"failures"} if troubled else set()
            changed.send(topics={"chats", "dashboard", *more, *(f"chat:{i}" for i in chat_ids)})


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
