"""Tasks and lanes: what is to be done for whom, and which of it may share a process."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.brains import limits
from app.brains.sandbox.facts import Fact
from app.brains.sandbox.patience import Patience
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child
from app.brains.sandbox.wire import Job, Source


@dataclass(frozen=True, slots=True)
class Compiled:
    """Code as a child gave it, never looked into by the host."""

    code: bytes
    nodes: float
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A run with its code, or (without a job) a source to be compiled; `number` is its place in the batch."""

    number: int
    owner: str
    source: Source
    job: Job | None = None
    code: bytes = b""

    @property
    def alone(self) -> bool:
        """Whether its child must be given nothing more until it is done: it may ask something meanwhile."""
        return self.job is not None and self.job.call is not None


@dataclass(eq=False, slots=True)
class Lane:
    """The tasks of one owner on their way through one child, in order; `once`: for these tasks only."""

    pool: Pool
    owner: str
    once: bool
    waiting: deque[Task] = field(default_factory=deque)
    sent: deque[Task] = field(default_factory=deque)
    child: Child | None = None
    head_since: float = 0.0  # when the child could begin with the first of `sent`
    patience: Patience = field(default_factory=Patience)
    fresh_losses: int = 0
    refused: int = 0  # calls, by a child
    orphaned: int = 0  # how often the zygote went

    @property
    def open(self) -> bool:
        """Whether tasks are left to answer."""
        return bool(self.waiting or self.sent)

    def begin(self, now: float) -> None:
        """Note that the child can begin with the first of `sent`."""
        self.head_since = now
        self.patience.begin(now)

    def may_send(self) -> bool:
        """Tell whether another task may go out now."""
        if not self.waiting or len(self.sent) >= limits.WINDOW:
            return False
        if self.sent and (self.sent[-1].alone or self.waiting[0].alone):
            return False
        return self.child is not None and self.child.runs + len(self.sent) < limits.RUNS_PER_CHILD


def lanes_of(pools: Mapping[str, Pool], tasks: Iterable[Task]) -> list[Lane]:
    """Group tasks by who may share a process; a strict run and a compilation share it with nobody."""
    shared: dict[tuple[str, str], Lane] = {}
    lanes: list[Lane] = []
    for task in tasks:
        flavour = task.source.language if task.job else "compile"
        if task.job and task.job.strict:
            lanes.append(Lane(pools[flavour], task.owner, once=True, waiting=deque([task])))
            continue
        lane = shared.get((flavour, task.owner))
        if lane is None:
            lane = shared[flavour, task.owner] = Lane(pools[flavour], task.owner, once=task.job is None)
            lanes.append(lane)
        lane.waiting.append(task)
    return lanes
