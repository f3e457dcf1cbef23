"""Threads that serve the external requests of running scripts."""

import logging
import select
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from app.brains import limits
from app.brains.sandbox import errors
from app.brains.sandbox.batch import build_result
from app.brains.sandbox.circuit_breaker import CircuitBreaker
from app.brains.sandbox.deadline import Deadline
from app.brains.sandbox.lanes import Task
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child, ChildGoneError
from app.brains.sandbox.protocol import ChildResponse, encode_answer, parse_response
from app.brains.sandbox.types import RunResult, SandboxError

log = logging.getLogger(__name__)
# More than may call at once: a run that was called by another needs a thread while that one waits in its own.
_THREADS: Final = 2 * limits.CALLING
_TOO_LONG = f"The whole run took longer than {limits.CALL_SECONDS:.0f} s with its calls."
_ANSWER_TOO_LARGE = "The answer is too large for a script."


class CallService:
    """Service for the calls of detached runs; at most `_THREADS` at once, the others wait with stopped clocks."""

    def __init__(self, breaker: CircuitBreaker, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = breaker
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "sandbox-calls")

    def serve_calls(
        self, pool: Pool, child: Child, task: Task, call_request: ChildResponse
    ) -> Future[RunResult | SandboxError]:
        """Serve the run's calls in a thread; the future's result is never an exception of the operator's making."""
        return self._threads.submit(self._serve, pool, child, task, call_request)

    def submit(
        self, run: Callable[[Task], RunResult | SandboxError], task: Task
    ) -> Future[RunResult | SandboxError]:
        """Run a task in a thread of its own."""
        return self._threads.submit(run, task)

    def close(self) -> None:
        """Accept no further calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _serve(
        self, pool: Pool, child: Child, task: Task, call_request: ChildResponse
    ) -> RunResult | SandboxError:
        started = self._clock()
        try:
            result = self._answer_calls(child, task, call_request, started)
        except ChildGoneError:
            result = errors.build_crash(task.source, child, round((self._clock() - started) * 1e6))
        if isinstance(result, SandboxError):
            if result.kind in {"time", "memory", "crash"}:
                self._breaker.note_death(task.owner, task.party, task.source.key)
            pool.drop(child)
        elif task.job and task.job.strict:
            pool.drop(child)
        else:
            pool.release(child)
        return result

    def _answer_calls(
        self, child: Child, task: Task, call_request: ChildResponse, started: float
    ) -> RunResult | SandboxError:
        """Answer calls until the run ends, by itself or by a time limit. Raises ChildGoneError."""
        calls = 0
        since = started
        patience = Deadline()
        patience.start(started)
        while True:
            calls += 1
            if self._clock() - started > limits.CALL_SECONDS:
                return SandboxError("time", _TOO_LONG, "Ask for less, or ask faster hosts.")
            if not child.send(_execute_call(task, call_request, calls)):
                raise ChildGoneError("the process does not read")
            patience.extend(self._clock() - since)
            answer = self._wait_for_response(child, patience)
            since = self._clock()
            micros = round((self._clock() - started) * 1e6)
            if answer is None:
                return errors.build_timeout(task.source, child, micros)
            if answer.number != task.number:
                raise ChildGoneError("the process answered something else")
            if answer.call is None:
                result = build_result(task, child, answer, micros)
                return (
                    result
                    if isinstance(result, (RunResult, SandboxError))
                    else errors.build_crash(task.source, child, micros)
                )
            call_request = answer

    def _wait_for_response(self, child: Child, deadline: Deadline) -> ChildResponse | None:
        """Wait for the next answer; None when none came in time. Raises ChildGoneError."""
        poll = select.poll()
        poll.register(child.socket, select.POLLIN)
        while (value := child.receive()) is None:
            now = self._clock()
            if deadline.is_over(now, child):
                return None
            poll.poll(max(0.0, deadline.until - now) * 1000 + 1)
        answer = parse_response(value)
        if answer is None:
            raise ChildGoneError("the process said something unexpected")
        return answer


def _execute_call(task: Task, call_request: ChildResponse, calls: int) -> bytes:
    """Execute a call, and return the answer as a packet."""
    value, error = None, ""
    call = task.job.call if task.job else None
    if calls > limits.CALLS:
        error = f"A run may make {limits.CALLS} calls at most."
    elif call is None:
        error = "This run may not make calls."
    else:
        try:
            value = call(call_request.call or "", call_request.arguments)
        except Exception as refused:  # the border between a capability and a script: a reason, not a crash
            kind = getattr(refused, "kind", "")
            if not kind:
                log.exception("capability %s failed", (call_request.call or "")[:40])
            error = str(refused)[: limits.ERROR_CHARS] if kind else "Something went wrong on our side."
    packet = encode_answer(value, error)
    return packet if len(packet) <= limits.ANSWER_BYTES else encode_answer(None, _ANSWER_TOO_LARGE)
