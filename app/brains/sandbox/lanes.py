"""Tasks and lanes of a batch: which tasks of an owner may share a process."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from app.brains import limits
from app.brains.sandbox.deadline import Deadline
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import Child
from app.brains.sandbox.source_facts import Fact
from app.brains.sandbox.types import Job, Source
from app.immutable import immutable


@immutable
class CompiledSource:
    """Compiled code as a child returned it, never read by the host."""

    code: bytes
    nodes: float
    facts: tuple[Fact, ...] = ()


@immutable
class Task:
    """Run with its code, or (without a job) a source to compile; `number` is its position in the batch."""

    number: int
    owner: str
    source: Source
    job: Job | None = None
    code: bytes = b""

    @property
    def party(self) -> str:
        """The person or chat this runs for; empty for a compilation."""
        return self.job.party if self.job else ""

    @property
    def is_exclusive(self) -> bool:
        """Whether its child gets no further task until it is done, since it may make calls."""
        return self.job is not None and self.job.call is not None


@dataclass(eq=False, slots=True)
class Lane:
    """Tasks of one owner for one child, in order.

    `once`: the child is used for these tasks only; `is_suspect`: they are of a person whose runs were lost lately.
    """

    pool: Pool
    owner: str
    once: bool
    is_suspect: bool = False
    waiting: deque[Task] = field(default_factory=deque)
    sent: deque[Task] = field(default_factory=deque)
    child: Child | None = None
    head_since: float = 0.0  # when the child could begin with the first of `sent`
    deadline: Deadline = field(default_factory=Deadline)
    fresh_losses: int = 0
    refused: int = 0  # calls, by a child
    orphaned: int = 0  # how often the zygote went

    @property
    def is_open(self) -> bool:
        """Whether unanswered tasks are left."""
        return bool(self.waiting or self.sent)

    def start_head(self, now: float) -> None:
        """Start the deadline of the first task in `sent`."""
        self.head_since = now
        self.deadline.start(now)

    def can_send(self) -> bool:
        """Tell whether another task may be sent now."""
        if not self.waiting or len(self.sent) >= limits.JOBS_IN_FLIGHT:
            return False
        if self.sent and (self.sent[-1].is_exclusive or self.waiting[0].is_exclusive):
            return False
        return self.child is not None and self.child.runs + len(self.sent) < limits.RUNS_PER_CHILD


def build_lanes(
    pools: Mapping[str, Pool], tasks: Iterable[Task], is_suspect: Callable[[str, str], bool]
) -> list[Lane]:
    """Group tasks by who may share a process; strict runs and compilations share it with nobody.

    Runs of a suspect person share one among themselves, and come last: nobody else waits behind them.
    """
    shared: dict[tuple[str, str, str], Lane] = {}
    lanes: list[Lane] = []
    for task in tasks:
        flavour = task.source.language if task.job else "compile"
        if task.job and task.job.strict:
            lanes.append(Lane(pools[flavour], task.owner, once=True, waiting=deque([task])))
            continue
        suspect = task.job is not None and is_suspect(task.owner, task.party)
        key = flavour, task.owner, task.party if suspect else ""
        lane = shared.get(key)
        if lane is None:
            lane = shared[key] = Lane(pools[flavour], task.owner, once=task.job is None, is_suspect=suspect)
            lanes.append(lane)
        lane.waiting.append(task)
    return sorted(lanes, key=attrgetter("is_suspect"))
