"""Standing claim of a dispatcher: made within the transaction that made chats ready, or when asked for.

On SQLite all writes share one transaction at a time, and a claim that waits for its own comes a commit later than it
could. So the next claim stands ready while the dispatcher is idle, and goes along with whatever is written.
"""

import threading
from collections.abc import Callable

from app.bot.turns import claim
from app.bot.turns.claim import ClaimRequest, ClaimResult
from app.db.follow_up import FollowUp
from app.db.writer import QueuedWrite, Writer, WriterClosedError


class StandingClaim:
    """Claims for one thread, which calls `wait`; `build_request` returns None while nothing more can be served."""

    def __init__(self, writer: Writer, build_request: Callable[[], ClaimRequest | None]) -> None:
        self._writer = writer
        self._build_request = build_request
        self._condition = threading.Condition()
        self._is_wanted = False  # the thread waits
        self._is_asked = False  # somebody knows of work, or wants the thread to look around
        self._is_queued = False  # a claim is with the writer
        self._is_awaited = False  # its result is told even if it claimed nothing
        self._limit = 0
        self._claimed_in = -1  # the commit of the last claim
        self._outcome: ClaimResult | Exception | None = None
        self._follow_up: FollowUp[ClaimResult] = FollowUp(self._settle, _call_now)
        writer.attach(self._go_along)

    @property
    def is_waiting(self) -> bool:
        """Whether the thread waits for work that nothing has brought yet."""
        return self._is_wanted and self._outcome is None

    def ask(self) -> None:
        """Claim now, or as soon as the thread waits again."""
        with self._condition:
            self._is_asked = True
            self._queue()

    def ask_after_commit(self) -> None:
        """Claim what a commit of this process made ready, unless a claim went along with it."""
        with self._condition:
            if not self._writer.shares_transactions or self._has_missed_commits():
                self._is_asked = True
                self._queue()

    def wait(self, timeout: float) -> ClaimResult | None:
        """Wait for work, and after `timeout` seconds look for some; None when nothing can be served.

        Raises what the claim raised.
        """
        with self._condition:
            self._is_wanted = True
            if self._writer.shares_transactions and self._has_missed_commits():
                self._is_asked = True
            self._queue()
            if not self._condition.wait_for(lambda: not self.is_waiting, timeout):
                self._is_asked = True
                self._queue()
                self._condition.wait_for(lambda: not (self.is_waiting and self._is_queued))
            return self._take_outcome()

    def close(self) -> ClaimResult | None:
        """Claim nothing more; return what was claimed last and nobody has taken."""
        self._writer.detach(self._go_along)
        with self._condition:
            self._is_wanted = False
            self._condition.wait_for(lambda: not self._is_queued)
            return self._take_outcome()

    def stop_waiting(self) -> None:
        """Let the thread go on without work."""
        with self._condition:
            self._outcome = self._outcome or ClaimResult()
            self._condition.notify()

    def _has_missed_commits(self) -> bool:
        return self._writer.commit_count != self._claimed_in

    def _take_outcome(self) -> ClaimResult | None:
        outcome, self._outcome = self._outcome, None
        self._is_wanted = False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _queue(self) -> None:
        """Make the claim that was asked for, if the thread waits for one; called with the lock held."""
        if not self._is_asked or self._is_queued or not self.is_waiting:
            return
        if request := self._begin_claim():
            self._is_asked, self._is_awaited = False, True
            try:
                self._writer.post(claim.claim_chats, request, self._follow_up)
            except WriterClosedError:
                # Nobody will tell of its outcome, for which the thread would wait.
                self._is_queued = False
                raise

    def _go_along(self) -> QueuedWrite | None:
        """Return a claim that goes along with a transaction which is about to begin (writer's thread)."""
        with self._condition:
            if self._is_queued or not self.is_waiting:
                return None
            request = self._begin_claim()
            return QueuedWrite(claim.claim_chats, request, self._follow_up) if request else None

    def _begin_claim(self) -> ClaimRequest | None:
        request = self._build_request()
        if request:
            self._is_queued, self._is_awaited, self._limit = True, False, request.claim.limit
        return request

    def _settle(self, result: ClaimResult | None, error: Exception | None) -> None:
        """Take in the result of a claim (writer's thread)."""
        with self._condition:
            self._is_queued = False
            self._claimed_in = self._writer.commit_count
            if error or (result and (result.claimed_count or self._is_awaited)):
                self._outcome = error or result
                # There may be more.
                self._is_asked |= bool(result and result.claimed_count == self._limit)
                self._condition.notify()
            else:
                self._queue()


def _call_now(call: Callable[[], None]) -> None:
    call()
