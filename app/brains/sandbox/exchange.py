"""One call of `render_many` while it lasts: lanes of jobs, answers in order, deadlines, deaths."""

import select
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from app.brains import limits
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child, GoneError
from app.brains.sandbox.wire import (
    Answer,
    Rendered,
    RenderError,
    RenderJob,
    excerpt,
    pack,
    read_answer,
    template_key,
)

WAIT_FOR_CHILD: Final = 10.0  # seconds
_GLANCE = 0.005  # seconds between looks for a free child while others work
_FRESH_LOSSES = 3  # children that die before they were given anything

_RESTS = (
    "This brain broke its sandbox several times within seconds. It rests for a moment; simplify its template."
)
_NO_CHILD = "No sandbox process came free in time. Try again, or allow more of them."
_TOO_LARGE = "The message is too large for a template."
_TOO_LONG = f"The template did not stop within {limits.HARD_SECONDS * 1000:.0f} ms and was ended."
_TOO_BUSY = f"The template took more than {limits.CPU_SECONDS * 1000:.0f} ms of processor time and was ended."
_CRASHED = "The template brought its sandbox down and was ended."


@dataclass(frozen=True, slots=True)
class Numbered:
    """A job with its place among all jobs of the call."""

    number: int
    job: RenderJob
    key: str


@dataclass(eq=False, slots=True)
class Lane:
    """The jobs of one version on their way through one child, in order."""

    version_id: int
    waiting: deque[Numbered] = field(default_factory=deque)
    sent: deque[Numbered] = field(default_factory=deque)
    child: Child | None = None
    head_since: float = 0.0  # when the child could begin with the first of `sent`
    fresh_losses: int = 0

    @property
    def open(self) -> bool:
        """Whether jobs are left to answer."""
        return bool(self.waiting or self.sent)


class Exchange:
    """Moves every lane on until all jobs are answered."""

    def __init__(self, pool: Pool, breaker: Breaker, clock: Callable[[], float]) -> None:
        self._pool, self._breaker, self._clock = pool, breaker, clock
        self._lanes: dict[int, Lane] = {}
        self._results: dict[int, Rendered | RenderError] = {}

    def run(self, jobs: Iterable[RenderJob]) -> list[Rendered | RenderError]:
        """Answer all jobs, in their order."""
        for number, job in enumerate(jobs):
            lane = self._lanes.setdefault(job.version_id, Lane(job.version_id))
            lane.waiting.append(Numbered(number, job, job.key or template_key(job.source)))
        lanes = list(self._lanes.values())
        try:
            while lanes := [lane for lane in lanes if lane.open]:
                for lane in lanes:
                    self._equip(lane, lanes)
                self._turn([lane for lane in lanes if lane.child])
        finally:
            for lane in lanes:
                if lane.child:
                    self._pool.drop(lane.child)
        return [self._results[number] for number in range(len(self._results))]

    def _equip(self, lane: Lane, lanes: list[Lane]) -> None:
        """Find a child for a lane that has none; give its jobs up when there is no hope."""
        if lane.child:
            return
        if self._breaker.is_open(lane.version_id):
            self._give_up(lane, _RESTS)
            return
        others_work = any(other.child for other in lanes)
        lane.child = self._pool.take(lane.version_id, 0 if others_work else WAIT_FOR_CHILD)
        if lane.child is None and self._pool.trouble:
            self._give_up(lane, f"The sandbox is not available: {self._pool.trouble}.")
        elif lane.child is None and not others_work:
            self._give_up(lane, _NO_CHILD)

    def _give_up(self, lane: Lane, message: str) -> None:
        for item in lane.waiting:
            self._results[item.number] = RenderError(message)
        lane.waiting.clear()

    def _turn(self, lanes: list[Lane]) -> None:
        """Send what goes, wait for an answer or a deadline, read what came."""
        working: dict[int, Lane] = {}
        poll = select.poll()
        for lane in lanes:
            self._feed(lane)
            if lane.child and lane.sent:
                working[lane.child.socket.fileno()] = lane
                poll.register(lane.child.socket, select.POLLIN)
        if not working:
            return
        for descriptor, _event in poll.poll(self._patience(working) * 1000 + 1):
            self._read(working[descriptor])
        for lane in working.values():
            if lane.sent and self._clock() - lane.head_since > limits.HARD_SECONDS:
                self._lose(lane, _TOO_LONG)

    def _patience(self, working: dict[int, Lane]) -> float:
        """Seconds until the first deadline, or until it is time to look for a free child again."""
        deadline = min(lane.head_since for lane in working.values()) + limits.HARD_SECONDS
        crowded = any(lane.open and not lane.child for lane in self._lanes.values())
        return max(0.0, min(deadline - self._clock(), _GLANCE if crowded else deadline))

    def _feed(self, lane: Lane) -> None:
        child = lane.child
        if child is None:
            return
        try:
            while lane.waiting and len(lane.sent) < limits.WINDOW and child.may_run(len(lane.sent)):
                if not self._send(lane, child, lane.waiting[0]):
                    break
        except GoneError:
            self._lose(lane, _CRASHED)
            return
        if not lane.sent:
            self._finish(lane, child)

    def _send(self, lane: Lane, child: Child, item: Numbered) -> bool:
        packet = pack(item.number, item.job, item.key, send_source=item.key not in child.known)
        if len(packet) > limits.PACKET_BYTES:
            self._results[lane.waiting.popleft().number] = RenderError(_TOO_LARGE)
            return True
        if not child.send(packet):
            return False
        if not lane.sent:
            lane.head_since = self._clock()
        lane.sent.append(lane.waiting.popleft())
        child.known.add(item.key)
        return True

    def _read(self, lane: Lane) -> None:
        child = lane.child
        try:
            while child and lane.sent and (value := child.receive()) is not None:
                answer = read_answer(value)
                if answer is None or answer.number != lane.sent[0].number:
                    self._lose(lane, _CRASHED)
                    return
                child = self._accept(lane, child, answer)
        except GoneError:
            self._lose(lane, _last_words(lane))
            return
        if child and not lane.sent and not lane.waiting:
            self._finish(lane, child)

    def _accept(self, lane: Lane, child: Child, answer: Answer) -> Child | None:
        """Note one answer; returns the child, or None when it ends itself after what happened."""
        now = self._clock()
        item, micros = lane.sent.popleft(), round((now - lane.head_since) * 1e6)
        lane.head_since = now
        child.runs += 1
        if answer.text is None:
            lines = excerpt(item.job.source, answer.line)
            self._results[item.number] = RenderError(answer.error, answer.line, lines, micros)
        else:
            self._results[item.number] = Rendered(answer.text, micros)
        if answer.fatal:
            self._lose_child(lane)
        return lane.child

    def _finish(self, lane: Lane, child: Child) -> None:
        lane.child = None
        self._pool.give(child)

    def _lose(self, lane: Lane, message: str) -> None:
        """Blame the job the child was at, and let the others go on in another child."""
        if lane.sent and lane.child:
            item, line = lane.sent.popleft(), lane.child.last_line()
            micros = round((self._clock() - lane.head_since) * 1e6)
            self._results[item.number] = RenderError(message, line, excerpt(item.job.source, line), micros)
        else:
            lane.fresh_losses += 1
        self._lose_child(lane)
        if lane.fresh_losses > _FRESH_LOSSES:
            self._give_up(lane, _CRASHED)

    def _lose_child(self, lane: Lane) -> None:
        lane.waiting.extendleft(reversed(lane.sent))
        lane.sent.clear()
        if lane.child:
            self._breaker.note_death(lane.version_id)
            self._pool.drop(lane.child)
            lane.child = None


def _last_words(lane: Lane) -> str:
    """Tell the report of the processor's clock from that of a crash; both are faulthandler's."""
    words = lane.child.last_words if lane.child else b""
    clock_rang = b"(most recent call first)" in words and b"Fatal Python error" not in words
    return _TOO_BUSY if clock_rang else _CRASHED
