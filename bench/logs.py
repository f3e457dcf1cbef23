"""The logging service: `python -m bench.logs` prints Markdown: answers with dead sinks, drops, losses, its cost.

Each part runs alone by `--only ingest|drops|durable|pipeline`.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.log_sender import LogSender
from bench.pipeline import run_layout
from bench.processes import cpu_seconds, free_port, unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine
from bench.scenarios import Plan

DEAD_SINKS = {
    "json_lines": {"host": "127.0.0.1", "tls": False},
    "syslog": {"host": "127.0.0.1", "tls": False},
    "webhook": {"url": "http://127.0.0.1:{port}/"},
    "datadog": {"url": "http://127.0.0.1:{port}/api/v2/logs", "api_key": "k"},
    "otlp": {"url": "http://127.0.0.1:{port}"},
}


def _open(**more: str) -> Product:
    env = {"LOG_LEVEL": "warning", "LOG_ALLOW_PRIVATE": "1", **more}
    return Product(Layout.EMBEDDED, "http://127.0.0.1:9", extra_env=env)


def _database(product: Product, name: str) -> sqlite3.Connection:
    return sqlite3.connect(product.folder / "data" / name, timeout=30, isolation_level=None)


def _make_token(product: Product) -> str:
    return product.flask("logs", "token", "bench", "--events-per-second", "10000").split()[-1]


def _add_dead_sinks(product: Product) -> None:
    """Add a sink of each kind that nobody listens for."""
    port = free_port()
    with _database(product, "brainbox.db") as db:
        for kind, config in DEAD_SINKS.items():
            filled = {
                name: each.format(port=port) if isinstance(each, str) else each
                for name, each in config.items()
            }
            if "host" in filled:
                filled["port"] = port
            db.execute(
                "INSERT INTO log_sink (name, kind, enabled, level, sources, config, secrets, created_at, updated_at)"
                " VALUES (?, ?, 1, 1, '[]', ?, '', 0, 0)",
                (kind, kind, json.dumps(filled)),
            )


def _count(product: Product, query: str) -> Any:
    try:
        return _database(product, "logs.db").execute(query).fetchone()
    except sqlite3.OperationalError:  # its first event makes the store
        return (0,)


def _wait_stored(product: Product, expected: int, seconds: float = 30) -> int:
    query = "SELECT count(*) FROM log_event WHERE source = 'bench'"
    end = time.monotonic() + seconds
    while (found := _count(product, query)[0]) < expected and time.monotonic() < end:
        time.sleep(0.1)
    return found


def measure_ingest(seconds: float, rate: int) -> str:
    """Send one event a request at a rate while all sinks are dead; the answer's times and the CPU an event."""
    with _open() as product:
        token = _make_token(product)
        _add_dead_sinks(product)
        product.start()
        time.sleep(8)  # each sink has been found dead by now
        sender = LogSender(product.port, token)
        before = cpu_seconds(product.own_pids)
        times = sorted(asyncio.run(sender.run(rate, seconds)))
        stored = _wait_stored(product, len(times))
        cpu_us = (cpu_seconds(product.own_pids) - before) / len(times) * 1e6
        idle_before = cpu_seconds(product.own_pids)
        time.sleep(seconds)
        idle_us = (cpu_seconds(product.own_pids) - idle_before) / len(times) * 1e6
        failing = _count(product, "SELECT count(*) FROM log_cursor WHERE failures > 0")[0]
        offered, kept, dropped = _count(
            product, "SELECT sum(offered), sum(stored), sum(dropped) FROM log_count"
        )
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    return (
        f"| {len(times):,} events at {rate}/s, {failing} of {len(DEAD_SINKS)} sinks dead "
        f"| 202 p50 {p50 * 1000:.2f} ms, "
        f"p99 {p99 * 1000:.2f} ms, max {times[-1] * 1000:.1f} ms | stored {stored:,}; offered {offered:,} = stored "
        f"{kept:,} + dropped {dropped:,} | {cpu_us:.0f} us CPU an event, of it {idle_us:.0f} idle |"
    )


def measure_drops() -> str:
    """Hold the store still while far more comes than the queue takes; what was told, counted and stored."""
    with _open() as product:
        token = _make_token(product)
        product.start()
        sender = LogSender(product.port, token)
        asyncio.run(sender.send_batch(1))
        _wait_stored(product, 1)
        lock = _database(product, "logs.db")
        lock.execute("BEGIN IMMEDIATE")
        answers = [asyncio.run(sender.send_batch(1000)) for _ in range(45)]
        lock.execute("ROLLBACK")
        accepted = 1 + sum(each["accepted"] for each in answers)
        told = sum(each.get("dropped", 0) for each in answers)
        stored = _wait_stored(product, accepted, 60)
        time.sleep(1)
        asyncio.run(sender.send_batch(1))
        stored = _wait_stored(product, accepted + 1)
        dropped = _count(product, "SELECT sum(dropped) FROM log_count")[0]
    is_exact = told == dropped and stored == accepted + 1
    return (
        f"| drops: 45,000 events while the store is locked | accepted {accepted + 1:,}, told as dropped {told:,} "
        f"| stored {stored:,}, counted as dropped {dropped:,} | {'exact' if is_exact else 'WRONG'} |"
    )


def measure_durable(kills: int) -> str:
    """Kill the process at random moments while events are sent; whether what was accepted is there, once."""
    rng = random.Random(7)
    with _open(LOG_DURABLE="1") as product:
        token = _make_token(product)
        accepted: set[str] = set()
        for number in range(kills):
            product.start()
            sender = LogSender(product.port, token, prefix=f"k{number}-")
            killer = threading.Timer(rng.uniform(0.3, 1.2), product.parts["web"].kill)
            killer.start()
            accepted |= asyncio.run(sender.send_until_broken(8))
            killer.join()
        product.start()
        rows = _database(product, "logs.db").execute("SELECT event_id FROM log_event WHERE source = 'bench'")
        stored = [row[0].partition(":")[2] for row in rows]
    lost = len(accepted - set(stored))
    twice = len(stored) - len(set(stored))
    return (
        f"| durable: {kills} kills | accepted {len(accepted):,} | stored {len(stored):,} | "
        f"lost {lost}, twice {twice} |"
    )


def measure_pipeline(seconds: float, rounds: int) -> str:
    """Set the pipeline's throughput with the service against the one without, in turns, at level info."""
    found: dict[str, list[tuple[float, float]]] = {"1": [], "0": []}
    for number in range(rounds):
        for setting in ("1", "0") if number % 2 else ("0", "1"):

            def prepare(product: Product, setting: str = setting) -> None:
                for part in product.parts.values():
                    part.env = {**part.env, "LOG_LEVEL": "info", "LOG_STORE": setting}

            result = run_layout(Layout.EMBEDDED, ["sustained"], Plan(seconds), prepare)["sustained"]
            if stretch := result.stretch:
                found[setting].append((stretch.rate, stretch.cpu_per_1000("product")))
                print(setting, found[setting][-1], file=sys.stderr, flush=True)
    on, off = (tuple(median(run[n] for run in found[key]) for n in (0, 1)) for key in ("1", "0"))
    return (
        f"| pipeline, {rounds} pairs at level info | {on[0]:,.0f} messages/s on, {off[0]:,.0f} off: "
        f"{on[0] / off[0]:.3f} | CPU-s/1k {on[1]:.3f} on, {off[1]:.3f} off: {on[1] / off[1]:.3f} | |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each run")
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--kills", type=int, default=100, help="kills in durable mode")
    parser.add_argument("--rounds", type=int, default=4, help="pairs of the pipeline on and off")
    parser.add_argument("--only", action="append", choices=["ingest", "drops", "durable", "pipeline"])
    args = parser.parse_args(arguments)
    unwind_on_sigterm()
    parts = {
        "ingest": lambda: measure_ingest(args.seconds, args.rate),
        "drops": measure_drops,
        "durable": lambda: measure_durable(args.kills),
        "pipeline": lambda: measure_pipeline(args.seconds, args.rounds),
    }
    print("| what | answers | store | |\n|---|---|---|---|", flush=True)
    for name in args.only or parts:
        print(parts[name](), flush=True)
    print(f"\n{machine()}.\n{NOTE}")


if __name__ == "__main__":
    main()
