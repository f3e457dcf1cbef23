"""Dispatcher: claims ready chats in batches, runs turns, hands sends over; batch size, sends in flight."""

import heapq
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, cast

import structlog

from app import topics
from app.bot import lease
from app.bot.delivery import outbox
from app.bot.delivery.outbox import Completion, CompletionResult, SendJob
from app.bot.delivery.read_marks import ReadMarks
from app.bot.delivery.sender import SendQueue
from app.bot.lease import LeaseRequest
from app.bot.states import SCHEDULE_KIND
from app.bot.turns import commit, debounce, retry
from app.bot.turns.canary import RolloutRevert
from app.bot.turns.claim import ClaimRequest, ClaimResult, Job
from app.bot.turns.commit import CommitResult
from app.bot.turns.debounce import DebounceWait
from app.bot.turns.pending import JobResult, PendingRun, PendingRuns
from app.bot.turns.result import TurnResult
from app.bot.turns.retry import RetryResult, TurnRetry
from app.bot.turns.run import TurnRunner
from app.bot.worker.maintenance import Maintenance
from app.bot.worker.standing_claim import StandingClaim
from app.bot.worker.timing import WorkerTiming
from app.channels.contract import SendResult, SendSuccess
from app.db.follow_up import FollowUp
from app.db.writer import Database, Handler
from app.signals import changed

log = structlog.get_logger(__name__)

P = TypeVar("P")
R = TypeVar("R")
BATCH_SIZE = 64
# Chats with a send or a run under way, at most: beyond that, waiting helps more than claiming.
MAX_IN_FLIGHT = 512
# Runs that wait for an answer from outside are waited for this long (s) at the end: their requests would go out twice.
STOP_TIMEOUT_S = 5.0
_RUN_FAILED = "Brainbox itself failed while it ran this turn: the server's log says why."


class Dispatcher:
    """Thread that claims and runs, woken by `wake` or by its own sweep."""

    def __init__(  # noqa: PLR0913  the parts of a worker
        self,
        database: Database,
        runner: TurnRunner,
        sends: SendQueue,
        read_marks: ReadMarks,
        maintenance: Maintenance,
        timing: WorkerTiming,
    ) -> None:
        self._database = database
        self._runner = runner
        self._sends = sends
        self._read_marks = read_marks
        self._maintenance = maintenance
        self._timing = timing
        self._random = random.Random()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._sending_count = 0
        self._pending_runs = PendingRuns(timing.clock, self._renew_leases, self._on_run_done)
        self._wake_times: list[int] = []
        self._claim = StandingClaim(database.writer, self._build_request)
        self._thread = threading.Thread(target=self._run_loop, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Start the thread, and the jobs that have their own."""
        self._maintenance.start()
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._claim.ask()

    def wake_after_commit(self) -> None:
        """Look for what a commit of this process made ready."""
        self._claim.ask_after_commit()

    def stop(self, timeout: float) -> None:
        """Claim nothing more and end the thread; sends under way go on, runs that take long are left to others."""
        self._maintenance.stop(timeout)
        self._stopping.set()
        self._claim.stop_waiting()
        self._thread.join(timeout)
        self._pending_runs.close(STOP_TIMEOUT_S)

    @property
    def in_flight(self) -> int:
        """Sends and runs under way."""
        return self._sending_count + len(self._pending_runs)

    def _run_loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._pending_runs.renew()
                self._maintenance.run_due()
                self._serve(self._claim.wait(self._compute_wait_s()))
            except Exception:  # the sweep: it must outlive everything, the rows wait
                log.exception("dispatch failed")
                self._stopping.wait(self._timing.sweep_interval_ms / 1000)
        self._serve(self._claim.close())

    def _compute_wait_s(self) -> float:
        """Return how long (s) there is nothing to do unless `wake` is called."""
        now = self._timing.clock()
        wait = self._maintenance.wait_ms
        while self._wake_times and self._wake_times[0] <= now:
            heapq.heappop(self._wake_times)
            wait = 0
        return min(wait, self._wake_times[0] - now if self._wake_times else wait) / 1000

    def _schedule_wake(self, at: int) -> None:
        """Look for work at this moment (ms) at the latest."""
        heapq.heappush(self._wake_times, at)
        self._maintenance.schedule_at(at)
        if at - self._timing.clock() < self._timing.sweep_interval_ms:
            # The loop may be asleep already: it has to learn of the earlier moment.
            self._claim.ask()

    def _build_request(self) -> ClaimRequest | None:
        """Return what can be claimed now; None while so much is under way that a completion is waited for."""
        room, timing = MAX_IN_FLIGHT - self.in_flight, self._timing
        if room <= 0:
            return None
        request = LeaseRequest(timing.owner, min(BATCH_SIZE, room), timing.clock(), timing.lease_ms)
        return ClaimRequest(request, timing.grace_ms, self._sends.channels)

    def _serve(self, work: ClaimResult | None) -> None:
        if work is None:
            return
        self._publish_changes(work.changed_chat_ids, failures_changed=True)
        for send_job in work.send_jobs:
            self._start_send(send_job)
        if work.jobs:
            self._begin_read_marks(work.jobs)
            self._run_turns(work.jobs)

    def _begin_read_marks(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            # A schedule is nobody's message.
            if job.message["kind"] != SCHEDULE_KIND:
                self._read_marks.begin_turn(job.target, job.lease.chat_id, job.message["provider_id"])

    def _run_turns(self, jobs: Sequence[Job]) -> None:
        try:
            results = self._runner.run(jobs)
        except Exception:  # the task wrapper's border: the turns are put back, not lost
            log.exception("turns could not be run", turns=len(jobs))
            self._defer(jobs, _RUN_FAILED)
            return
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, PendingRun):
                self._pending_runs.add(job, result)
            else:
                self._submit_result(result)

    def _on_run_done(self, job: Job, pending_run: PendingRun) -> None:
        """Commit a run that has got its answers from outside."""
        try:
            self._submit_result(pending_run.get_result())
        except Exception:  # the task wrapper's border again, for a run that took its time
            log.exception("turn could not be run", chat=job.lease.chat_id)
            self._defer([job], _RUN_FAILED)
        if self.in_flight >= MAX_IN_FLIGHT - 1:
            self._claim.ask()

    def _submit_result(self, result: JobResult) -> None:
        if not isinstance(result, TurnResult):
            self._read_marks.end_turn(result.lease.chat_id)
        if isinstance(result, DebounceWait):
            self._write(debounce.release_chats, result, self._on_waiting)
        elif isinstance(result, TurnRetry):
            self._write(retry.defer, result, self._on_deferred)
        else:
            failed = partial(self._read_marks.end_turn, result.lease.chat_id)
            self._write(commit.commit_turns, result, self._on_committed, failed)

    def _write(
        self,
        handler: Handler[P, R],
        payload: P,
        follow: Callable[[P, R], None],
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Queue a write, then `follow(payload, result)` in the sender's thread; after a failure the lease runs out."""

        def settle(result: R | None, error: Exception | None) -> None:
            if error is None:
                follow(payload, cast("R", result))
                return
            if failed:
                failed()
            log.error("write failed", exc_info=error)

        self._database.writer.post(handler, payload, FollowUp(settle, self._sends.call_soon))

    def _renew_leases(self, renewal: tuple[Sequence[lease.Lease], int]) -> None:
        self._database.writer.submit(lease.renew, renewal)

    def _defer(self, jobs: Sequence[Job], reason: str) -> None:
        now = self._timing.clock()
        for job in jobs:
            self._submit_result(TurnRetry(job.lease, job.message["id"], reason, now))

    def _on_waiting(self, waiting: DebounceWait, _released: object) -> None:
        self._schedule_wake(waiting.ready_at)

    def _on_deferred(self, late: TurnRetry, back: RetryResult) -> None:
        log.warning(
            "turn put back", message=late.message_id, chat=late.lease.chat_id, code=late.code, dead=back.dead
        )
        self._publish_changes({late.lease.chat_id}, failures_changed=back.dead)
        if back.ready_at is not None:
            self._schedule_wake(back.ready_at)

    def _on_committed(self, turn: TurnResult, stored: CommitResult) -> None:
        is_answered = bool(turn.replies) and not (stored.fenced or stored.retried)
        self._read_marks.end_turn(turn.lease.chat_id, turn.provider_id if is_answered else None)
        if stored.fenced:
            log.warning("lease lost before the turn was stored", chat=turn.lease.chat_id)
            return
        if stored.wake_at is not None:
            self._schedule_wake(stored.wake_at)
        if stored.rollout_revert:
            self._on_reverted(stored.rollout_revert)
        if stored.retried:
            log.info("turn overtaken", message=turn.message_id, chat=turn.lease.chat_id)
            return
        log.info(
            "turn",
            message=turn.message_id,
            chat=turn.lease.chat_id,
            outcome=turn.run["outcome"],
            micros=turn.run["micros"],
        )
        self._publish_changes({turn.lease.chat_id})
        if turn.rollout_run:
            changed.send(topics={topics.brain(turn.run["brain_id"])})
        if stored.send_job:
            self._start_send(stored.send_job)
        elif stored.has_more:
            self._claim.ask()

    def _on_reverted(self, reverted: RolloutRevert) -> None:
        log.warning(
            "candidate rolled back",
            brain=reverted.brain_id,
            rollout=reverted.rollout_id,
            reason=reverted.reason,
        )
        changed.send(topics={topics.dashboard(), topics.brain(reverted.brain_id)})
        # Its alert goes out now, not at the next sweep.
        self._maintenance.schedule_at(self._timing.clock())
        self._claim.ask()

    def _start_send(self, send_job: SendJob) -> None:
        with self._lock:
            self._sending_count += 1
        self._sends.send(send_job, self._complete_send)

    def _complete_send(self, send_job: SendJob, result: SendResult) -> None:
        """Store the outcome of a send; called in the sender's thread."""
        done = Completion(send_job, result, self._timing.clock(), self._random.random())
        self._write(outbox.complete, done, self._on_completed, failed=self._end_send)

    def _on_completed(self, done: Completion, completed: CompletionResult) -> None:
        self._end_send()
        troubled = done.send_job.resumed or not isinstance(done.result, SendSuccess)
        self._publish_changes({done.send_job.lease.chat_id}, failures_changed=troubled)
        if completed.park_reason:
            log.error(
                "sending paused",
                connection=done.send_job.target.connection_id,
                reason=completed.park_reason,
            )
            changed.send(topics={topics.connections()})
        if completed.send_job:
            self._start_send(completed.send_job)
        elif completed.has_more or self.in_flight >= MAX_IN_FLIGHT - 1:
            self._claim.ask()

    def _end_send(self) -> None:
        with self._lock:
            self._sending_count -= 1

    def _publish_changes(self, chat_ids: set[int], *, failures_changed: bool = False) -> None:
        if chat_ids:
            more = {topics.failures()} if failures_changed else set()
            changed.send(topics={topics.chats(), topics.dashboard(), *more, *map(topics.chat, chat_ids)})
