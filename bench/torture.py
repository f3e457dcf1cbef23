"""The kill torture: `python -m bench.torture --layout sqlite --messages 5000 --kills 50`.

Users write at an even rate while a seeded killer ends processes with SIGKILL and starts them again; the
fake Graph errs, drops connections and posts statuses meanwhile. Nothing may be lost, said twice or said out
of order (specs: durability 2.4).
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.graph import FakeGraph, Options
from bench.graph_statuses import StatusOptions
from bench.killer import Killer
from bench.load import Ledger, Load, Target, percentile, until
from bench.processes import StartError, free_port, unwind_on_sigterm
from bench.product import SECRETS, WEBHOOK, Layout, Product
from bench.scenarios import faults

LAYOUTS = {"sqlite": Layout.EMBEDDED, "split": Layout.SPLIT, "postgres": Layout.PRODUCTION}
PATIENCE = 180  # seconds to wait for the last reply


@dataclass(frozen=True, slots=True)
class Torture:
    """How much, how fast and with which seed; grace and lease are the product's, in seconds."""

    layout: Layout
    messages: int = 5000
    kills: int = 50
    rate: float = 60  # messages a second
    chats: int = 400
    seed: int = 1
    grace: float = 4
    lease: float = 5

    def shares(self) -> list[int]:
        """Deal the messages out, one share a kill."""
        each, rest = divmod(self.messages, self.kills)
        return [each + (place < rest) for place in range(self.kills)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: `passed` is true when nothing was lost, doubled, out of order or wrong."""

    faults: dict[str, int]
    kills: Counter[str]
    ledger: Ledger
    graph: Counter[str]
    stats: dict[str, Any]
    recoveries: list[float] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    leftovers: int = 0

    @property
    def passed(self) -> bool:
        """Whether the promise held, and the product could be asked."""
        return not any(self.faults.values()) and "error" not in self.stats

    def text(self) -> str:
        """Return the report."""
        ledger, graph, waits = self.ledger, self.graph, self.recoveries
        lines = [
            f"messages {len(ledger.due)}, kills {dict(self.kills)}",
            f"sends {graph['accepted']}, refused besides {graph['refused_500']}, dropped {graph['dropped']}",
            f"not answered 200, by status: {dict(ledger.refused)}; statuses: {graph['status_retries']}",
            f"ack p50/p99 {_pair(ledger.ack_ms())} ms, reply p50/p99 {_pair(ledger.reply_ms())} ms",
            f"served again in {percentile(waits, 0.5):.2f} s (median), {max(waits, default=0):.2f} s at most",
            f"ended by themselves: {len(self.deaths)} processes, left behind by kills: {self.leftovers}",
            f"flask stats: {json.dumps(self.stats)}",
            ", ".join(f"{name} {number}" for name, number in self.faults.items()),
        ]
        return "\n".join([*lines, *self.deaths])


def _pair(values: list[float]) -> str:
    return f"{percentile(values, 0.5):.0f}/{percentile(values, 0.99):.0f}"


def run(torture: Torture) -> Outcome:
    """Set the product up, torture it and judge; raises StartError when it does not start at all."""
    port = free_port()
    env = {"GRACE_SECONDS": str(torture.grace), "LEASE_SECONDS": str(torture.lease)}
    with Product(torture.layout, f"http://127.0.0.1:{port}", extra_env=env) as product:
        product.start()
        return asyncio.run(_torment(torture, product, port))


async def _torment(torture: Torture, product: Product, graph_port: int) -> Outcome:
    # 20 ms, 3 % errors and 1 % accepted but dropped: the conditions of the measured prototype.
    graph = FakeGraph(
        Options(latency_ms=20, error_rate=0.03, throttle_share=0, drop_rate=0.01, seed=torture.seed)
    )
    await graph.start(graph_port)
    await graph.post_statuses(StatusOptions(product.port, SECRETS.app_secret, delay=0.1))
    load = Load(_target(torture, product), time.time)
    graph.on_accept = load.replied
    killer = Killer(product, load, random.Random(torture.seed))
    try:
        async with asyncio.TaskGroup() as tasks:
            supervisor = tasks.create_task(killer.supervise())
            await killer.run(torture.shares(), torture.rate)
            await load.drained(PATIENCE)
            await until(lambda: not graph.pending_statuses, PATIENCE)
            # What is still unknown would be sent again when its grace is over.
            await asyncio.sleep(torture.grace + 2)
            supervisor.cancel()
        stats = await asyncio.to_thread(_stats, product)
    finally:
        await load.close()
        await graph.stop()
    return Outcome(
        faults=faults(load.ledger),
        kills=killer.kills,
        ledger=load.ledger,
        graph=graph.counts,
        stats=stats,
        recoveries=killer.recoveries,
        deaths=killer.deaths,
        leftovers=killer.leftovers(),
    )


def _stats(product: Product) -> dict[str, Any]:
    try:
        return product.stats()
    except StartError as error:
        # The verdict must not be lost with it.
        return {"error": str(error)}


def _target(torture: Torture, product: Product) -> Target:
    return Target(
        port=product.port,
        path=WEBHOOK,
        secret=SECRETS.app_secret,
        phone_id=SECRETS.phone_id,
        run=f"TORTURE{torture.seed}x",
        users=torture.chats,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.torture", description="Kill, count what is lost.")
    defaults = Torture(Layout.EMBEDDED)
    parser.add_argument("--layout", choices=list(LAYOUTS), default="sqlite")
    for name in ("messages", "kills", "rate", "chats", "seed", "grace", "lease"):
        value = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=type(value), default=value)
    return parser


def main() -> None:
    """Torture, print the report, exit 1 unless every count is 0."""
    values = vars(_parser().parse_args())
    unwind_on_sigterm()
    outcome = run(Torture(**{**values, "layout": LAYOUTS[values["layout"]]}))
    print(outcome.text())
    sys.exit(0 if outcome.passed else 1)


if __name__ == "__main__":
    main()
