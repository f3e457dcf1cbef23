"""Batch of sandbox tasks: assignment to children, answers in order, deadlines, lost children."""

import os
import select
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, Protocol

from app.brains import limits
from app.brains.sandbox import errors
from app.brains.sandbox.circuit_breaker import CircuitBreaker
from app.brains.sandbox.lanes import CompiledSource, Lane, Task, build_lanes
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child, ChildGoneError
from app.brains.sandbox.protocol import (
    ChildResponse,
    encode_answer,
    encode_code,
    encode_compile,
    encode_run,
    parse_response,
)
from app.brains.sandbox.source_facts import read_facts
from app.brains.sandbox.types import JobResult, RunResult, SandboxError, Source

CHILD_TIMEOUT_S: Final = 10.0  # seconds
_POLL_INTERVAL_S = 0.02  # seconds between looks for a free child while others work
_MAX_FRESH_LOSSES = 3  # children that die before they were given anything
_BLAMED_KINDS = frozenset({"time", "memory", "crash"})

_NO_CHILD = errors.build_unavailable(
    "No sandbox process came free in time.", "Try again, or allow more of them (SANDBOX_CHILDREN)."
)
_TOO_MANY_CALLS = errors.build_unavailable(
    "Too many runs wait for the outside world at once.", "This message is tried again in a moment."
)
_CALL_REFUSED_PACKET = encode_answer(None, "This run may not ask for anything outside.")
_TOO_LARGE = SandboxError(
    "limit",
    "The message is too large for a sandbox process.",
    "Nothing to do: such a message is not answered.",
)


TaskResult = JobResult | CompiledSource


class CallHandler(Protocol):
    """Interface of the service that answers the calls of a run."""

    def serve_calls(
        self, pool: Pool, child: Child, task: Task, call_request: ChildResponse
    ) -> Future[RunResult | SandboxError]:
        """Serve the run's calls in another thread, and release the child at the end."""
        ...


class BatchRunner:
    """Runner of one batch: moves every lane on until all tasks are answered."""

    def __init__(self, breaker: CircuitBreaker, clock: Callable[[], float], service: CallHandler) -> None:
        self._breaker, self._clock, self._service = breaker, clock, service
        self._results: dict[int, TaskResult] = {}

    def run(self, pools: Mapping[str, Pool], tasks: Iterable[Task]) -> dict[int, TaskResult]:
        """Run all tasks and return their results by number; `pools` by language, or "compile"."""
        lanes = open_lanes = build_lanes(pools, tasks, self._breaker.is_suspect)
        try:
            while open_lanes := [lane for lane in open_lanes if lane.is_open]:
                for lane in open_lanes:
                    self._assign_child(lane, open_lanes)
                self._step([lane for lane in open_lanes if lane.child], open_lanes)
        finally:
            for lane in lanes:
                if lane.child:
                    lane.pool.drop(lane.child)
        return self._results

    def _assign_child(self, lane: Lane, lanes: list[Lane]) -> None:
        """Acquire a child for a lane that has none; fail its tasks when none can be had."""
        if lane.child:
            return
        self._hold_tasks(lane)
        if not lane.waiting:
            return
        others_work = any(other.child for other in lanes)
        wait = 0 if others_work else CHILD_TIMEOUT_S
        lane.child = lane.pool.acquire(lane.owner, wait, strict=lane.once, suspect=lane.is_suspect)
        if lane.child is None and lane.pool.unavailable_reason:
            message = f"The sandbox is not available: {lane.pool.unavailable_reason}."
            self._give_up(lane, errors.build_unavailable(message, "Run “flask doctor” on the server."))
        elif lane.child is None and not others_work:
            self._give_up(lane, _NO_CHILD)

    def _hold_tasks(self, lane: Lane) -> None:
        """Fail the tasks of whoever, or whatever source, broke the sandbox repeatedly; all others go on."""
        kept: list[Task] = []
        for task in lane.waiting:
            if held := self._breaker.find_open(task.owner, task.party, task.source.key):
                self._results[task.number] = errors.build_held(held, task.job.command if task.job else "")
            else:
                kept.append(task)
        if len(kept) < len(lane.waiting):
            lane.waiting.clear()
            lane.waiting.extend(kept)

    def _give_up(self, lane: Lane, error: SandboxError) -> None:
        for task in lane.waiting:
            self._results[task.number] = error
        lane.waiting.clear()

    def _step(self, lanes: list[Lane], open_lanes: list[Lane]) -> None:
        """Send waiting packets, wait for an answer or a deadline, read what arrived."""
        working: dict[int, Lane] = {}
        for lane in lanes:
            self._send_waiting(lane)
            if lane.child and lane.sent:
                working[lane.child.socket.fileno()] = lane
        if not working:
            return
        waiting_pools = {lane.pool for lane in open_lanes if lane.is_open and not lane.child}
        for descriptor in self._wait(working, waiting_pools):
            if descriptor in working:
                self._read(working[descriptor])
        for lane in working.values():
            if lane.sent and lane.child and lane.deadline.is_over(self._clock(), lane.child):
                self._handle_loss(lane, errors.build_timeout)

    def _wait(self, working: Mapping[int, Lane], waiting_pools: Collection[Pool]) -> list[int]:
        """Wait until a child sends something, one may be free, or the first deadline is over."""
        poll = select.poll()
        for descriptor in working:
            poll.register(descriptor, select.POLLIN)
        for pool in waiting_pools:
            pool.waiter_count += 1
            poll.register(pool.wake_fd, select.POLLIN)
        patience = min(lane.deadline.until for lane in working.values()) - self._clock()
        ready = poll.poll(max(0.0, min(patience, _POLL_INTERVAL_S if waiting_pools else patience)) * 1000 + 1)
        for pool in waiting_pools:
            pool.waiter_count -= 1
            with suppress(BlockingIOError):
                os.eventfd_read(pool.wake_fd)
        return [descriptor for descriptor, _ in ready]

    def _send_waiting(self, lane: Lane) -> None:
        child = lane.child
        if child is None:
            return
        try:
            while lane.can_send() and self._send(lane, child, lane.waiting[0]):
                pass
        except ChildGoneError:
            self._handle_loss(lane, errors.build_crash)
            return
        if not lane.sent:
            self._finish(lane, child)

    def _send(self, lane: Lane, child: Child, task: Task) -> bool:
        packet = encode_run(task.number, task.job) if task.job else encode_compile(task.number, task.source)
        if len(packet) > limits.PACKET_BYTES:
            self._results[lane.waiting.popleft().number] = _TOO_LARGE
            return True
        if task.job and task.source.key not in child.known:
            if not child.send(encode_code(task.source.key, task.code)):
                return False
            child.known.add(task.source.key)
        if not child.send(packet):
            return False
        if not lane.sent:
            lane.start_head(self._clock())
        lane.sent.append(lane.waiting.popleft())
        return True

    def _read(self, lane: Lane) -> None:
        child = lane.child
        try:
            while child and lane.sent and (value := child.receive()) is not None:
                answer = parse_response(value)
                if answer is None or answer.number != lane.sent[0].number:
                    self._handle_loss(lane, errors.build_crash)
                    return
                child = self._handle_response(lane, child, answer)
        except ChildGoneError:
            self._handle_loss(lane, errors.build_crash)
            return
        if child and not lane.sent and not lane.waiting:
            self._finish(lane, child)

    def _handle_response(self, lane: Lane, child: Child, answer: ChildResponse) -> Child | None:
        """Handle one answer; returns the child, or None when it no longer belongs to the lane."""
        if answer.call is not None and not lane.sent[0].is_exclusive:
            return self._refuse(lane, child)
        now = self._clock()
        task, micros = lane.sent.popleft(), round((now - lane.head_since) * 1e6)
        lane.start_head(now)
        lane.refused = 0
        child.runs += 1
        if answer.call is not None:
            self._detach(lane, child, task, answer)
            return None
        result = build_result(task, child, answer, micros)
        self._results[task.number] = result
        if isinstance(result, SandboxError):
            self._drop_child(lane, result.kind, task)
        return lane.child

    def _refuse(self, lane: Lane, child: Child) -> Child | None:
        """Refuse a call of a run that may make none, a few times."""
        lane.refused += 1
        if lane.refused <= limits.CALLS and child.send(_CALL_REFUSED_PACKET):
            return child
        self._handle_loss(lane, errors.build_crash)
        return None

    def _detach(self, lane: Lane, child: Child, task: Task, answer: ChildResponse) -> None:
        """Hand a run that makes a call to the call service, and find another child for the rest."""
        lane.child = None
        if not lane.pool.begin_call(child):
            lane.pool.drop(child)
            self._results[task.number] = _TOO_MANY_CALLS
            return
        self._results[task.number] = self._service.serve_calls(lane.pool, child, task, answer)

    def _finish(self, lane: Lane, child: Child) -> None:
        lane.child = None
        if lane.once:
            lane.pool.drop(child)
        else:
            lane.pool.release(child)

    def _handle_loss(self, lane: Lane, build_error: Callable[[Source, Child, int], SandboxError]) -> None:
        """Fail the task a lost child was running, and rerun the others in another child."""
        child = lane.child
        if child and not lane.pool.is_zygote_alive(child):
            # Nobody's fault: the zygote went, and all its children with it.
            lane.waiting.extendleft(reversed(lane.sent))
            lane.sent.clear()
            lane.orphaned += 1
            lane.fresh_losses -= lane.orphaned <= _MAX_FRESH_LOSSES
        if lane.sent and child:
            task = lane.sent.popleft()
            error = build_error(task.source, child, round((self._clock() - lane.head_since) * 1e6))
            self._results[task.number] = error
            self._drop_child(lane, error.kind, task)
            return
        lane.fresh_losses += 1
        self._drop_child(lane)
        if lane.fresh_losses > _MAX_FRESH_LOSSES:
            self._give_up(lane, _NO_CHILD)

    def _drop_child(self, lane: Lane, kind: str = "", task: Task | None = None) -> None:
        lane.waiting.extendleft(reversed(lane.sent))
        lane.sent.clear()
        if lane.child:
            if task and kind in _BLAMED_KINDS:
                self._breaker.note_death(task.owner, task.party, task.source.key)
            lane.pool.drop(lane.child)
            lane.child = None


def build_result(
    task: Task, child: Child, answer: ChildResponse, micros: int
) -> RunResult | SandboxError | CompiledSource:
    """Build the result of a child's last answer to a task."""
    if answer.ok is None:
        return errors.from_report(task.source, answer, micros)
    if task.job is None:
        code, child.code = child.code, b""
        return CompiledSource(code, answer.usage.get("nodes", 0), read_facts(answer.ok.get("facts")))
    return RunResult(answer.ok, answer.output, answer.usage, micros)
