"""The work of the benchmark, one function a row of the table (specs: performance 1, 2 and 6)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.graph import Options
from bench.load import Ledger, Load, percentile
from bench.processes import pss_mb
from bench.rig import Rig, Stretch, System

RAMP = 1.5  # seconds before measuring


@dataclass(frozen=True, slots=True)
class Result:
    """The cells of one scenario, and what must be zero in it."""

    cells: dict[str, str]
    faults: dict[str, int]
    stretch: Stretch | None = None

    @property
    def others(self) -> float:
        """Share of the machine others took; 0 where it was not measured."""
        return self.stretch.others if self.stretch else 0.0


@dataclass(slots=True)
class Plan:
    """How long to measure, how many statuses may share a webhook, and how hard to try for quiet."""

    seconds: float = 10
    status_batch: int = 1
    tries: int = 1
    patience: float = 0
    results: dict[str, Result] = field(default_factory=dict)


def faults(ledger: Ledger) -> dict[str, int]:
    """Count what must not happen."""
    return {
        "lost": len(ledger.lost()),
        "duplicated": len(ledger.duplicates),
        "out of order": len(ledger.overtaken()),
        "wrong": len(ledger.wrong),
    }


def pair(values: list[float]) -> str:
    """Write p50/p99 in milliseconds."""
    return f"{percentile(values, 0.5):.1f}/{percentile(values, 0.99):.1f}"


def _cpu(stretch: Stretch) -> str:
    services = [
        f"{label} {stretch.cpu_per_1000(name):.2f}"
        for name, label in (("postgres", "PostgreSQL"), ("redis", "Redis"))
        if name in stretch.last.cpu
    ]
    return f"{stretch.cpu_per_1000('product'):.2f}" + (f" ({', '.join(services)})" if services else "")


async def warm_up(rig: Rig[System], _plan: Plan) -> Result:
    """Two hundred messages that are not measured: contacts exist, brains are compiled, caches are warm."""
    load = rig.load()
    await load.open(100, 200)
    await rig.finish(load)
    return Result({}, faults(load.ledger))


async def sustained(rig: Rig[System], plan: Plan) -> Result:
    """Window 64, the Graph answers at once."""
    load = rig.load()
    stretch = await rig.measure(load, load.closed(64, RAMP + plan.seconds), RAMP, plan.seconds)
    await rig.finish(load)
    cells = {"sustained, window 64: messages/s": f"{stretch.rate:,.0f}", "CPU-s/1k at max": _cpu(stretch)}
    return Result(cells, faults(load.ledger), stretch)


async def steady(rig: Rig[System], plan: Plan) -> Result:
    """Open loop at 100 messages a second."""
    load = rig.load()
    count = int((plan.seconds + RAMP) * 100)
    stretch = await rig.measure(load, load.open(100, count), RAMP, plan.seconds - 0.1)
    await rig.finish(load)
    cells = {
        "at 100/s: ack p50/p99 ms": pair(load.ledger.ack_ms()),
        "at 100/s: reply p50/p99 ms": pair(load.ledger.reply_ms()),
        "CPU-s/1k at 100/s": _cpu(stretch),
    }
    return Result(cells, faults(load.ledger), stretch)


async def slow_graph(rig: Rig[System], plan: Plan) -> Result:
    """Window 256, the Graph takes 100 ms."""
    rig.graph_answers(Options(latency_ms=100))
    load = rig.load()
    stretch = await rig.measure(load, load.closed(256, RAMP + plan.seconds), RAMP, plan.seconds)
    await rig.finish(load)
    rig.graph_answers(Options())
    return Result(
        {"Graph 100 ms, window 256: messages/s": f"{stretch.rate:,.0f}"}, faults(load.ledger), stretch
    )


async def statuses(rig: Rig[System], plan: Plan) -> Result:
    """Window 64, three statuses follow each reply."""
    await rig.statuses(plan.status_batch)
    load = rig.load()
    stretch = await rig.measure(load, load.closed(64, RAMP + plan.seconds), RAMP, plan.seconds)
    await rig.finish(load)
    await rig.statuses(0)
    cell = f"{stretch.rate:,.0f} ({stretch.webhook_rate:,.0f})"
    return Result(
        {"3 statuses a reply: messages/s (webhooks/s)": cell, "CPU-s/1k with statuses": _cpu(stretch)},
        faults(load.ledger),
        stretch,
    )


async def burst(rig: Rig[System], _plan: Plan) -> Result:
    """Two seconds as fast as 32 connections are acknowledged, then the rest drains."""
    load = rig.load()
    began = asyncio.get_running_loop().time()
    await load.burst(2.0)
    acked = load.acks / 2.0
    await rig.finish(load)
    ledger = load.ledger
    took = max(ledger.replied, default=began) - began
    cell = f"{acked:,.0f}, {load.replies / took:,.0f}"
    return Result(
        {
            "2 s burst: acked/s, drained/s": cell,
            "burst: ack p99 ms, drained in": f"{percentile(ledger.ack_ms(), 0.99):.0f}, {took / 2:.1f} x",
        },
        faults(ledger),
    )


async def refused(rig: Rig[System], _plan: Plan) -> Result:
    """Of 300 sends a tenth is refused with 500 or 429."""
    rig.graph_answers(Options(error_rate=0.1, seed=11))
    load = rig.load()
    await load.open(100, 300)
    await rig.finish(load, patience=120)
    rig.graph_answers(Options())
    return Result({"10 % refused sends of 300: lost, dup": _lost_dup(load)}, faults(load.ledger))


async def redelivered(rig: Rig[System], _plan: Plan) -> Result:
    """Of 200 webhooks every fifth comes twice, at the same time."""
    load = rig.load(twice_every=5)
    await load.open(100, 200)
    await rig.finish(load)
    return Result({"40 of 200 webhooks twice: lost, dup": _lost_dup(load)}, faults(load.ledger))


def _lost_dup(load: Load) -> str:
    return f"{len(load.ledger.lost())}, {len(load.ledger.duplicates)}"


async def memory(rig: Rig[System], _plan: Plan) -> Result:
    """Proportional set size after all the work."""
    parts = rig.product.parts
    services = [f"{name} {pss_mb([parts[name].pid]):.0f}" for name in ("postgres", "redis") if name in parts]
    cell = f"{pss_mb(rig.product.own_pids):.0f}" + (f" ({', '.join(services)})" if services else "")
    return Result({"PSS of web + worker, MB": cell}, {})


Scenario = Callable[[Rig[System], Plan], Awaitable[Result]]
SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (sustained, steady, slow_graph, statuses, burst, refused, redelivered, memory)
}
# What peers are measured in: they neither try a refused send again nor promise anything about one.
PEER_SCENARIOS = ("sustained", "steady", "slow_graph", "statuses", "burst", "memory")
