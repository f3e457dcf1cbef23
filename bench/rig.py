"""One product, one fake Graph and one load in the same loop, and the meter that reads what they cost."""

import asyncio
import os
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from itertools import count
from typing import Generic, NamedTuple, Protocol, TypeVar

from bench.graph import FakeGraph, Options
from bench.graph_statuses import StatusOptions
from bench.load import Load, Target, until
from bench.processes import Part, cpu_seconds, machine_busy
from bench.product import SECRETS, WEBHOOK


class System(Protocol):
    """What a rig reads of what it measures: Brainbox in one of its layouts, or a peer."""

    port: int
    parts: dict[str, Part]

    @property
    def layout(self) -> str:
        """Name in the table."""
        ...

    @property
    def own_pids(self) -> list[int]:
        """Leaders of its own processes, without database and Redis."""
        ...


System_co = TypeVar("System_co", bound=System, covariant=True)

_runs = count(1)

# Figures are not worth quoting when others took more of the machine (specs: performance 1).
QUIET = 0.12


class Reading(NamedTuple):
    """Clocks and counters at one moment, all in seconds or pieces since some start."""

    at: float
    cpu: dict[str, float]
    machine: float
    acks: int
    replies: int
    webhooks: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened between two readings."""

    first: Reading
    last: Reading

    @property
    def seconds(self) -> float:
        """Length of the stretch."""
        return self.last.at - self.first.at

    @property
    def replies(self) -> int:
        """Messages answered in it."""
        return self.last.replies - self.first.replies

    @property
    def rate(self) -> float:
        """Messages answered a second."""
        return self.replies / self.seconds

    @property
    def webhook_rate(self) -> float:
        """Webhooks (messages and statuses) answered 200 a second."""
        return (self.last.webhooks - self.first.webhooks) / self.seconds

    def cpu(self, name: str) -> float:
        """CPU seconds of product, postgres, redis or harness."""
        return self.last.cpu.get(name, 0.0) - self.first.cpu.get(name, 0.0)

    def cpu_per_1000(self, name: str) -> float:
        """CPU seconds a thousand answered messages; 0 when none was."""
        return 1000 * self.cpu(name) / self.replies if self.replies else 0.0

    @property
    def others(self) -> float:
        """Share of the machine that neither the product nor the harness took (0 to 1)."""
        ours = sum(self.cpu(name) for name in self.last.cpu)
        cores = os.cpu_count() or 1
        return max(0.0, (self.last.machine - self.first.machine - ours) / (self.seconds * cores))


class Rig(Generic[System_co]):
    """Everything one benchmark needs; `graph` runs in the caller's loop for exact times."""

    def __init__(self, product: System_co, graph: FakeGraph) -> None:
        self.product = product
        self.graph = graph

    def load(self, users: int = 200, connections: int = 32, twice_every: int = 0) -> Load:
        """Make a load of its own message ids and let the Graph tell it of replies."""
        target = Target(
            port=self.product.port,
            path=WEBHOOK,
            secret=SECRETS.app_secret,
            phone_id=SECRETS.phone_id,
            run=f"BENCH{next(_runs)}x",
            users=users,
            connections=connections,
            twice_every=twice_every,
        )
        load = Load(target, time.time)
        self.graph.on_accept = load.replied
        return load

    async def statuses(self, batch: int) -> None:
        """Let three statuses follow each reply, at most `batch` in a webhook; 0 stops them."""
        options = StatusOptions(self.product.port, SECRETS.app_secret, batch=batch)
        await self.graph.post_statuses(options if batch else None)

    def graph_answers(self, options: Options) -> None:
        """Change how the fake Graph behaves from now on."""
        self.graph.options = options

    def read(self, load: Load) -> Reading:
        """Read every clock and counter now."""
        times = os.times()
        parts = self.product.parts
        cpu = {name: cpu_seconds([parts[name].pid]) for name in ("postgres", "redis") if name in parts}
        cpu["product"] = cpu_seconds(self.product.own_pids)
        cpu["harness"] = times.user + times.system
        webhooks = load.acks + self.graph.counts["status_posts"] - self.graph.counts["status_retries"]
        now = asyncio.get_running_loop().time()
        return Reading(now, cpu, machine_busy(), load.acks, load.replies, webhooks)

    async def measure(self, load: Load, work: Awaitable[None], ramp: float, seconds: float) -> Stretch:
        """Run `work` and measure `seconds` of it after `ramp` seconds."""
        task = asyncio.ensure_future(work)
        await asyncio.sleep(ramp)
        first = self.read(load)
        await asyncio.sleep(seconds)
        last = self.read(load)
        await task
        return Stretch(first, last)

    async def quiet(self, patience: float) -> bool:
        """Wait until others leave the machine alone for a second, `patience` seconds at most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while loop.time() < deadline:
            idle = self.load()
            first = self.read(idle)
            await asyncio.sleep(1)
            if Stretch(first, self.read(idle)).others <= QUIET:
                return True
        return False

    async def finish(self, load: Load, patience: float = 60) -> None:
        """Wait until all is answered and every status taken, then drop the load's connections."""
        await load.drained(patience)
        await until(lambda: not self.graph.pending_statuses, patience)
        # A late second answer would come now.
        await asyncio.sleep(0.5)
        await load.close()
