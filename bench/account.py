"""Where a message's CPU goes, by process and thread: `python -m bench.account [--layout embedded] [--only sustained]`.

A thread's CPU and its turns on a processor are read from /proc before and after a measured stretch and divided by the
messages answered in it. Rates depend on the machine's mood; microseconds a message much less.
"""

import argparse
import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.graph import FakeGraph, Options
from bench.load import Load
from bench.processes import family, free_port, unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine
from bench.rig import Rig
from bench.scenarios import RAMP, Plan, warm_up

# Threads tell their names to the system with the heartbeat, every five seconds.
_NAMES_KNOWN_S: Final = 6
_SCENARIOS: Final = ("sustained", "steady", "single")


@dataclass(slots=True)
class Usage:
    """What threads of one name took: CPU in microseconds, times they went to sleep, times they were pushed aside."""

    cpu_us: Counter[str] = field(default_factory=Counter)
    sleeps: Counter[str] = field(default_factory=Counter)
    evictions: Counter[str] = field(default_factory=Counter)

    def __sub__(self, other: "Usage") -> "Usage":
        """Return what was used between two readings."""
        return Usage(
            _subtract(self.cpu_us, other.cpu_us),
            _subtract(self.sleeps, other.sleeps),
            _subtract(self.evictions, other.evictions),
        )


def _subtract(after: "Counter[str]", before: "Counter[str]") -> "Counter[str]":
    return Counter({name: value - before[name] for name, value in after.items()})


def read_usage(product: Product) -> Usage:
    """Read what every thread of the product, its database and Redis has used so far."""
    usage = Usage()
    leaders = {part.pid: name for name, part in product.parts.items() if part.alive}
    for leader, part in leaders.items():
        for pid in family([leader]):
            with contextlib.suppress(OSError):
                _add_process(usage, part, pid)
    return usage


def _add_process(usage: Usage, part: str, pid: int) -> None:
    folder = Path(f"/proc/{pid}")
    command = (folder / "cmdline").read_bytes()
    is_child = b"zygote" in command
    for task in (folder / "task").iterdir():
        with contextlib.suppress(OSError):
            thread = (task / "comm").read_text().strip()
            label = f"{part}: sandbox child" if is_child else f"{part}: {thread}"
            # schedstat: nanoseconds on a processor, nanoseconds waiting for one, turns.
            usage.cpu_us[label] += int((task / "schedstat").read_text().split()[0]) // 1000
            status = (task / "status").read_text()
            usage.sleeps[label] += _read_count(status, "voluntary_ctxt_switches")
            usage.evictions[label] += _read_count(status, "nonvoluntary_ctxt_switches")


def _read_count(status: str, name: str) -> int:
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")))


async def _measure(rig: Rig[Product], scenario: str, seconds: float) -> str:
    load = rig.load()
    work = {
        "sustained": lambda: load.closed(64, RAMP + seconds),
        "steady": lambda: load.open(100, int((RAMP + seconds) * 100)),
        "single": lambda: load.closed(1, RAMP + seconds),
    }[scenario]()
    task = asyncio.ensure_future(work)
    await asyncio.sleep(RAMP)
    before, first = read_usage(rig.product), rig.read(load)
    await asyncio.sleep(seconds - 0.1)
    after, last = read_usage(rig.product), rig.read(load)
    await task
    await rig.finish(load)
    return _write_table(scenario, after - before, last.replies - first.replies, last.at - first.at, load)


def _write_table(scenario: str, used: Usage, messages: int, seconds: float, load: Load) -> str:
    if not messages:
        return f"## {scenario}\n\nNo message was answered.\n"
    lost = len(load.ledger.lost())
    lines = [
        f"## {scenario}: {messages / seconds:,.0f} messages/s, {lost} lost",
        "",
        "| thread | CPU us a message | went to sleep a message | pushed aside a message |",
        "|---|---|---|---|",
    ]
    total = sum(used.cpu_us.values())
    for name, cpu in used.cpu_us.most_common():
        if cpu / messages >= 0.5:
            counts = f"{used.sleeps[name] / messages:.2f} | {used.evictions[name] / messages:.2f}"
            lines.append(f"| {name} | {cpu / messages:,.0f} | {counts} |")
    sums = f"{used.sleeps.total() / messages:.2f} | {used.evictions.total() / messages:.2f}"
    return "\n".join([*lines, f"| **all** | **{total / messages:,.0f}** | {sums} |", ""])


async def _run(product: Product, graph_port: int, scenarios: list[str], seconds: float) -> None:
    graph = FakeGraph(Options())
    await graph.start(graph_port)
    rig = Rig(product, graph)
    try:
        await warm_up(rig, Plan())
        await asyncio.sleep(_NAMES_KNOWN_S)
        for scenario in scenarios:
            print(await _measure(rig, scenario, seconds), flush=True)
    finally:
        await graph.stop()


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.account", description="Account for a message's CPU."
    )
    parser.add_argument(
        "--layout", action="append", choices=list(Layout), help="repeatable (default: embedded)"
    )
    parser.add_argument("--only", action="append", choices=_SCENARIOS, help="only this scenario; repeatable")
    parser.add_argument("--seconds", type=float, default=10, help="length of each measured stretch")
    args = parser.parse_args()
    unwind_on_sigterm()
    print(f"{machine()}\n\n{NOTE}\n")
    for layout in args.layout or [Layout.EMBEDDED]:
        port = free_port()
        with Product(Layout(layout), f"http://127.0.0.1:{port}") as product:
            product.start()
            print(f"# {layout}\n")
            asyncio.run(_run(product, port, args.only or list(_SCENARIOS), args.seconds))


if __name__ == "__main__":
    main()
