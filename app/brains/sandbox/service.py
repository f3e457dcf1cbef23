"""Runs that asked for something: each waits in a thread of its own, so that no other run waits for it."""

import logging
import select
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from app.brains import limits
from app.brains.sandbox import faults
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.exchange import settled
from app.brains.sandbox.lanes import Task
from app.brains.sandbox.patience import Patience
from app.brains.sandbox.pool import CALLING, Pool
from app.brains.sandbox.process import Child, GoneError
from app.brains.sandbox.wire import Answer, Done, Fault, answer_packet, read_answer

log = logging.getLogger(__name__)
# More than may call at once: a run that was called by another needs a thread while that one waits in its own.
_THREADS: Final = 2 * CALLING
_TOO_LONG = f"The whole run took longer than {limits.CALL_SECONDS:.0f} s with its calls."
_ANSWER_TOO_LARGE = "The answer is too large for a script."


class CallService:
    """Serves the calls of detached runs; at most `_THREADS` at once, the others wait with their clocks stopped."""

    def __init__(self, breaker: Breaker, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = breaker
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "sandbox-calls")

    def go_on(self, pool: Pool, child: Child, task: Task, asked: Answer) -> Future[Done | Fault]:
        """Serve the run's calls in a thread; the future's result is never an exception of the operator's making."""
        return self._threads.submit(self._serve, pool, child, task, asked)

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self, pool: Pool, child: Child, task: Task, asked: Answer) -> Done | Fault:
        begun = self._clock()
        try:
            result = self._converse(child, task, asked, begun)
        except GoneError:
            result = faults.died(task.source, child, round((self._clock() - begun) * 1e6))
        if isinstance(result, Fault):
            if result.kind in {"time", "memory", "crash"}:
                self._breaker.note_death(task.owner)
            pool.drop(child)
        elif task.job and task.job.strict:
            pool.drop(child)
        else:
            pool.give(child)
        return result

    def _converse(self, child: Child, task: Task, asked: Answer, begun: float) -> Done | Fault:
        """Answer call after call until the run ends, by itself or by a clock. Raises GoneError."""
        calls = 0
        since = begun
        patience = Patience()
        patience.begin(begun)
        while True:
            calls += 1
            if self._clock() - begun > limits.CALL_SECONDS:
                return Fault("time", _TOO_LONG, "Ask for less, or ask faster hosts.")
            if not child.send(_answered(task, asked, calls)):
                raise GoneError("the process does not read")
            patience.rest(self._clock() - since)
            answer = self._next(child, patience)
            since = self._clock()
            micros = round((self._clock() - begun) * 1e6)
            if answer is None:
                return faults.too_long(task.source, child, micros)
            if answer.number != task.number:
                raise GoneError("the process answered something else")
            if answer.call is None:
                result = settled(task, child, answer, micros)
                return (
                    result if isinstance(result, (Done, Fault)) else faults.died(task.source, child, micros)
                )
            asked = answer

    def _next(self, child: Child, patience: Patience) -> Answer | None:
        """Wait for the next answer; None when none came in time. Raises GoneError."""
        poll = select.poll()
        poll.register(child.socket, select.POLLIN)
        while (value := child.receive()) is None:
            now = self._clock()
            if patience.is_over(now, child):
                return None
            poll.poll(max(0.0, patience.until - now) * 1000 + 1)
        answer = read_answer(value)
        if answer is None:
            raise GoneError("the process said something unexpected")
        return answer


def _answered(task: Task, asked: Answer, calls: int) -> bytes:
    """Do what a run asks for, and return the answer as a packet."""
    value, error = None, ""
    call = task.job.call if task.job else None
    if calls > limits.CALLS:
        error = f"A run may make {limits.CALLS} calls at most."
    elif call is None:
        error = "This run may not make calls."
    else:
        try:
            value = call(asked.call or "", asked.arguments)
        except Exception as refused:  # the border between a capability and a script: a reason, not a crash
            kind = getattr(refused, "kind", "")
            if not kind:
                log.exception("capability %s failed", (asked.call or "")[:40])
            error = str(refused)[: limits.ERROR_CHARS] if kind else "Something went wrong on our side."
    packet = answer_packet(value, error)
    return packet if len(packet) <= limits.ANSWER_BYTES else answer_packet(None, _ANSWER_TOO_LARGE)
