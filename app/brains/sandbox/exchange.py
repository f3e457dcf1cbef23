"""One batch of tasks while it lasts: lanes of jobs, answers in order, deadlines, deaths."""

import os
import select
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, Protocol

from app.brains import limits
from app.brains.sandbox import faults
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.facts import read_facts
from app.brains.sandbox.lanes import Compiled, Lane, Task, lanes_of
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child, GoneError
from app.brains.sandbox.wire import (
    Answer,
    Done,
    Fault,
    Source,
    answer_packet,
    code_packet,
    compile_packet,
    read_answer,
    run_packet,
)

WAIT_FOR_CHILD: Final = 10.0  # seconds
_GLANCE = 0.02  # seconds between looks for a free child while others work
_FRESH_LOSSES = 3  # children that die before they were given anything
_ENDS_A_BRAIN_MAY_MAKE = frozenset({"time", "memory", "crash"})

_RESTS = faults.unavailable(
    "This brain broke its sandbox several times within seconds and rests for a moment.",
    "Look at its latest errors; messages wait and are answered afterwards.",
)
_NO_CHILD = faults.unavailable(
    "No sandbox process came free in time.", "Try again, or allow more of them (SANDBOX_CHILDREN)."
)
_TOO_MANY_CALLS = faults.unavailable(
    "Too many runs wait for the outside world at once.", "This message is tried again in a moment."
)
_NO_CALLS = answer_packet(None, "This run may not ask for anything outside.")
_TOO_LARGE = Fault(
    "limit",
    "The message is too large for a sandbox process.",
    "Nothing to do: such a message is not answered.",
)


Outcome = Done | Fault | Compiled | Future[Done | Fault]


class Service(Protocol):
    """Who goes on with a run that asked for something."""

    def go_on(self, pool: Pool, child: Child, task: Task, asked: Answer) -> Future[Done | Fault]:
        """Serve the run's calls elsewhere, and give the child back in the end."""
        ...


class Exchange:
    """Moves every lane on until all tasks are answered."""

    def __init__(self, breaker: Breaker, clock: Callable[[], float], service: Service) -> None:
        self._breaker, self._clock, self._service = breaker, clock, service
        self._results: dict[int, Outcome] = {}

    def run(self, pools: Mapping[str, Pool], tasks: Iterable[Task]) -> dict[int, Outcome]:
        """Answer all tasks, by their numbers; `pools` by language, or "compile"."""
        lanes = open_lanes = lanes_of(pools, tasks)
        try:
            while open_lanes := [lane for lane in open_lanes if lane.open]:
                for lane in open_lanes:
                    self._equip(lane, open_lanes)
                self._turn([lane for lane in open_lanes if lane.child], open_lanes)
        finally:
            for lane in lanes:
                if lane.child:
                    lane.pool.drop(lane.child)
        return self._results

    def _equip(self, lane: Lane, lanes: list[Lane]) -> None:
        """Find a child for a lane that has none; give its tasks up when there is no hope."""
        if lane.child:
            return
        if self._breaker.is_open(lane.owner):
            self._give_up(lane, _RESTS)
            return
        others_work = any(other.child for other in lanes)
        lane.child = lane.pool.take(lane.owner, 0 if others_work else WAIT_FOR_CHILD, strict=lane.once)
        if lane.child is None and lane.pool.trouble:
            words = f"The sandbox is not available: {lane.pool.trouble}."
            self._give_up(lane, faults.unavailable(words, "Run “flask doctor” on the server."))
        elif lane.child is None and not others_work:
            self._give_up(lane, _NO_CHILD)

    def _give_up(self, lane: Lane, fault: Fault) -> None:
        for task in lane.waiting:
            self._results[task.number] = fault
        lane.waiting.clear()

    def _turn(self, lanes: list[Lane], open_lanes: list[Lane]) -> None:
        """Send what goes, wait for an answer or a deadline, read what came."""
        working: dict[int, Lane] = {}
        for lane in lanes:
            self._feed(lane)
            if lane.child and lane.sent:
                working[lane.child.socket.fileno()] = lane
        if not working:
            return
        hungry = {lane.pool for lane in open_lanes if lane.open and not lane.child}
        for descriptor in self._wait(working, hungry):
            if descriptor in working:
                self._read(working[descriptor])
        for lane in working.values():
            if lane.sent and lane.child and lane.patience.is_over(self._clock(), lane.child):
                self._lose(lane, faults.too_long)

    def _wait(self, working: Mapping[int, Lane], hungry: Collection[Pool]) -> list[int]:
        """Sleep until a child has something to say, one may have come free, or the first deadline is over."""
        poll = select.poll()
        for descriptor in working:
            poll.register(descriptor, select.POLLIN)
        for pool in hungry:
            pool.sleepers += 1
            poll.register(pool.bell, select.POLLIN)
        patience = min(lane.patience.until for lane in working.values()) - self._clock()
        ready = poll.poll(max(0.0, min(patience, _GLANCE if hungry else patience)) * 1000 + 1)
        for pool in hungry:
            pool.sleepers -= 1
            with suppress(BlockingIOError):
                os.eventfd_read(pool.bell)
        return [descriptor for descriptor, _ in ready]

    def _feed(self, lane: Lane) -> None:
        child = lane.child
        if child is None:
            return
        try:
            while lane.may_send() and self._send(lane, child, lane.waiting[0]):
                pass
        except GoneError:
            self._lose(lane, faults.died)
            return
        if not lane.sent:
            self._finish(lane, child)

    def _send(self, lane: Lane, child: Child, task: Task) -> bool:
        packet = run_packet(task.number, task.job) if task.job else compile_packet(task.number, task.source)
        if len(packet) > limits.PACKET_BYTES:
            self._results[lane.waiting.popleft().number] = _TOO_LARGE
            return True
        if task.job and task.source.key not in child.known:
            if not child.send(code_packet(task.source.key, task.code)):
                return False
            child.known.add(task.source.key)
        if not child.send(packet):
            return False
        if not lane.sent:
            lane.begin(self._clock())
        lane.sent.append(lane.waiting.popleft())
        return True

    def _read(self, lane: Lane) -> None:
        child = lane.child
        try:
            while child and lane.sent and (value := child.receive()) is not None:
                answer = read_answer(value)
                if answer is None or answer.number != lane.sent[0].number:
                    self._lose(lane, faults.died)
                    return
                child = self._accept(lane, child, answer)
        except GoneError:
            self._lose(lane, faults.died)
            return
        if child and not lane.sent and not lane.waiting:
            self._finish(lane, child)

    def _accept(self, lane: Lane, child: Child, answer: Answer) -> Child | None:
        """Note one answer; returns the child, or None when it is not the lane's any more."""
        if answer.call is not None and not lane.sent[0].alone:
            return self._refuse(lane, child)
        now = self._clock()
        task, micros = lane.sent.popleft(), round((now - lane.head_since) * 1e6)
        lane.begin(now)
        lane.refused = 0
        child.runs += 1
        if answer.call is not None:
            self._detach(lane, child, task, answer)
            return None
        result = settled(task, child, answer, micros)
        self._results[task.number] = result
        if isinstance(result, Fault):
            self._lose_child(lane, result.kind)
        return lane.child

    def _refuse(self, lane: Lane, child: Child) -> Child | None:
        """Refuse a call of a run that may make none, a few times."""
        lane.refused += 1
        if lane.refused <= limits.CALLS and child.send(_NO_CALLS):
            return child
        self._lose(lane, faults.died)
        return None

    def _detach(self, lane: Lane, child: Child, task: Task, answer: Answer) -> None:
        """Let a run that asks for something go on elsewhere, and find another child for the rest."""
        lane.child = None
        if not lane.pool.let_call(child):
            lane.pool.drop(child)
            self._results[task.number] = _TOO_MANY_CALLS
            return
        self._results[task.number] = self._service.go_on(lane.pool, child, task, answer)

    def _finish(self, lane: Lane, child: Child) -> None:
        lane.child = None
        if lane.once:
            lane.pool.drop(child)
        else:
            lane.pool.give(child)

    def _lose(self, lane: Lane, why: Callable[[Source, Child, int], Fault]) -> None:
        """Blame the task the child was at, and let the others go on in another child."""
        child = lane.child
        if child and not lane.pool.lives(child):
            # Nobody's fault: the zygote went, and all its children with it.
            lane.waiting.extendleft(reversed(lane.sent))
            lane.sent.clear()
            lane.orphaned += 1
            lane.fresh_losses -= lane.orphaned <= _FRESH_LOSSES
        if lane.sent and child:
            task = lane.sent.popleft()
            fault = why(task.source, child, round((self._clock() - lane.head_since) * 1e6))
            self._results[task.number] = fault
            self._lose_child(lane, fault.kind)
            return
        lane.fresh_losses += 1
        self._lose_child(lane, "")
        if lane.fresh_losses > _FRESH_LOSSES:
            self._give_up(lane, _NO_CHILD)

    def _lose_child(self, lane: Lane, kind: str) -> None:
        lane.waiting.extendleft(reversed(lane.sent))
        lane.sent.clear()
        if lane.child:
            if kind in _ENDS_A_BRAIN_MAY_MAKE:
                self._breaker.note_death(lane.owner)
            lane.pool.drop(lane.child)
            lane.child = None


def settled(task: Task, child: Child, answer: Answer, micros: int) -> Done | Fault | Compiled:
    """Turn a child's last answer on a task into its result."""
    if answer.ok is None:
        return faults.reported(task.source, answer, micros)
    if task.job is None:
        code, child.code = child.code, b""
        return Compiled(code, answer.usage.get("nodes", 0), read_facts(answer.ok.get("facts")))
    return Done(answer.ok, answer.output, answer.usage, micros)
