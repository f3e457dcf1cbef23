"""What the others feel while strangers misbehave: `python -m bench.strangers [--layout all] [--seconds 15]`.

Normal traffic (webhooks, replies, pages of somebody signed in, health checks) is measured quiet, beside each attack,
and after it. Attacks are a program of their own (bench.attackers).
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from bench.attackers import ATTACKS
from bench.graph import FakeGraph, Options
from bench.load import percentile
from bench.processes import family, free_port, pss_mb, resident_mb, unwind_on_sigterm
from bench.product import ROOT, Layout, Product
from bench.report import machine
from bench.rig import Rig

RATE: Final = 20  # webhooks a second
PAGE_PAUSE_S: Final = 0.2
TARGETS: Final = (
    "targets: webhook p99 < 100 ms, page p99 < 1 s, memory within 100 MB of quiet, at most 1 log line/s"
)
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_HEADERS = (
    "webhook p50/p99 ms",
    "reply p99 ms",
    "page p99 ms",
    "health p99 ms",
    "failed",
    "memory MB",
    "descriptors",
    "log lines/s",
)


@dataclass(slots=True)
class Feeling:
    """What was measured in one stretch: ms, megabytes, counts."""

    webhooks: list[float] = field(default_factory=list)
    replies: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    failed: int = 0
    memory: float = 0
    descriptors: int = 0
    log_lines: float = 0

    def list_cells(self) -> list[str]:
        """Return the cells of a row."""
        acks = f"{percentile(self.webhooks, 0.5):.0f}/{percentile(self.webhooks, 0.99):.0f}"
        others = [percentile(each, 0.99) for each in (self.replies, self.pages, self.health)]
        cells = [acks, *(f"{each:.0f}" for each in others)]
        return [
            *cells,
            str(self.failed),
            f"{self.memory:.0f}",
            str(self.descriptors),
            f"{self.log_lines:.2f}",
        ]


async def sign_in(session: aiohttp.ClientSession, url: str) -> None:
    """Sign in as the operator of a bench installation."""
    async with session.get(f"{url}/login") as page:
        token = _TOKEN.search(await page.text())
    form = {
        "csrf_token": token[1] if token else "",
        "email": "bench@example.com",
        "password": "bench password 1",
    }
    async with session.post(f"{url}/login", data=form) as answer:
        if "/dashboard" not in str(answer.url):
            raise RuntimeError(f"not signed in: {answer.status}")


async def visit(
    session: aiohttp.ClientSession, url: str, until: float, times: list[float], felt: Feeling
) -> None:
    """Ask for a page again and again, each time on a connection of its own."""
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=20)) as answer:
                await answer.read()
                felt.failed += answer.status != 200
        except (aiohttp.ClientError, TimeoutError):
            felt.failed += 1
        times.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(PAGE_PAUSE_S)


async def watch(product: Product, until: float, felt: Feeling) -> None:
    """Note the largest memory and number of descriptors.

    Shared memory is told apart once, when all has been measured: that alone made quiet webhooks take 100 ms instead
    of 25 at their 99th hundredth.
    """
    largest = last = resident_mb(product.own_pids)
    while time.monotonic() < until:
        last = resident_mb(product.own_pids)
        largest = max(largest, last)
        felt.descriptors = max(felt.descriptors, count_descriptors(product))
        await asyncio.sleep(1)
    felt.memory = pss_mb(product.own_pids) + largest - last


def count_descriptors(product: Product) -> int:
    """Return the most descriptors any process of the web has open."""
    counts = [0]
    for pid in family([product.parts["web"].pid or 0]):
        try:
            counts.append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue
    return max(counts)


def count_log_lines(product: Product) -> int:
    """Return the lines that web and worker have logged so far."""
    logs = [product.folder / f"{name}.log" for name in ("web", "worker") if name in product.parts]
    return sum(log.read_bytes().count(b"\n") for log in logs)


async def feel(
    rig: Rig[Product], session: aiohttp.ClientSession, seconds: float, attack: str = ""
) -> Feeling:
    """Measure normal traffic for a while, beside an attack if one is named."""
    felt, until, product = Feeling(), time.monotonic() + seconds, rig.product
    url = f"http://127.0.0.1:{product.port}"
    before = count_log_lines(product)
    command = [sys.executable, "-m", "bench.attackers", attack, str(product.port), str(seconds)]
    attacker = subprocess.Popen(command, cwd=ROOT) if attack else None  # noqa: ASYNC220  started once, at once
    load = rig.load(users=100, connections=16)
    try:
        await asyncio.gather(
            load.open(RATE, int(RATE * seconds)),
            visit(session, f"{url}/dashboard", until, felt.pages, felt),
            visit(session, f"{url}/readyz", until, felt.health, felt),
            watch(product, until, felt),
        )
        await load.drained(20)
    finally:
        if attacker:
            attacker.kill()
            attacker.wait()
        await load.close()
    felt.webhooks, felt.replies = load.ledger.ack_ms(), load.ledger.reply_ms()
    felt.failed += len(load.ledger.lost())
    felt.log_lines = (count_log_lines(product) - before) / seconds
    return felt


async def run_attacks(
    product: Product, graph_port: int, names: list[str], seconds: float
) -> dict[str, Feeling]:
    """Measure quiet, then each attack and the seconds after it."""
    graph = FakeGraph(Options())
    await graph.start(graph_port)
    rig = Rig(product, graph)
    felt: dict[str, Feeling] = {}
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session:
            await sign_in(session, f"http://127.0.0.1:{product.port}")
            await feel(rig, session, 3)
            felt["quiet"] = await feel(rig, session, seconds)
            for name in names:
                felt[name] = await feel(rig, session, seconds, name)
                felt[f"after {name}"] = await feel(rig, session, max(3, seconds / 3))
                print(name, felt[name].list_cells(), file=sys.stderr, flush=True)
    finally:
        await graph.stop()
    return felt


def write_table(layout: Layout, felt: dict[str, Feeling]) -> str:
    """Return a Markdown table of one layout."""
    rows = [(str(layout), *_HEADERS), ("---",) * (len(_HEADERS) + 1)]
    rows += [(name, *each.list_cells()) for name, each in felt.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Run the attacks on each layout and print what the others felt."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.strangers", description="Measure what strangers can do."
    )
    parser.add_argument(
        "--layout", action="append", choices=[*Layout, "all"], help="repeatable (default: embedded)"
    )
    parser.add_argument("--seconds", type=float, default=15, help="length of each attack")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="only this attack; repeatable")
    args = parser.parse_args()
    unwind_on_sigterm()
    chosen = args.layout or [Layout.EMBEDDED]
    for layout in list(Layout) if "all" in chosen else [Layout(name) for name in chosen]:
        port = free_port()
        with Product(
            layout, f"http://127.0.0.1:{port}", ROOT / "bench" / "brains" / "strangers.yaml"
        ) as product:
            product.start()
            felt = asyncio.run(run_attacks(product, port, args.only or list(ATTACKS), args.seconds))
        print(f"{write_table(layout, felt)}\n")
    print(f"{machine()}\n{TARGETS}")


if __name__ == "__main__":
    main()
