"""Analytics measured: `python -m bench.analytics --messages 1000000` prints Markdown.

Messages of a year are made without counting, counted by a rebuild, and each statistics query is timed on both
databases. Then the pipeline's throughput with the counting triggers is set against the one without.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import Session

from app.bot.counting import SOURCES, triggers
from app.bot.models import Rollup
from app.bot.recounting import Recount
from app.db import Base, make_engine
from app.realtime import statistics
from app.realtime.ranges import DAY, HOUR, choose
from app.realtime.statistics import Scope
from app.writer import Database
from bench.analytics_rows import BRAINS, CONNECTIONS, fill
from bench.pipeline import run_layout
from bench.processes import unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine
from bench.scenarios import Plan
from bench.services import postgres, start_service

NOW = 1_790_000_000_000
ZONES = ("Africa/Accra", "Europe/Berlin", "Asia/Kolkata")
TIMES = 30
RANGES = {"hour": HOUR, "day": DAY, "30 days": 30 * DAY, "92 days": 92 * DAY, "year": 365 * DAY}
SCOPES = {
    "everything": Scope(),
    "a connection": Scope(connection_id=CONNECTIONS),
    "a command": Scope(brain_id=BRAINS, command_id="c_3"),
}

Query = Callable[[Session], object]


def queries() -> Iterator[tuple[str, list[Query]]]:
    """Name every statistics query with its variants in three zones."""
    for length, ms in RANGES.items():
        ranges = [choose(NOW - ms, NOW, zone, NOW) for zone in ZONES]
        for whose, scope in SCOPES.items():
            yield (
                f"report, {length}, {whose}",
                [lambda s, r=r, of=scope: statistics.report(s, r, of) for r in ranges],
            )
        yield f"period before, {length}", [lambda s, r=r: statistics.total(s, r.before()) for r in ranges]
        yield (
            f"commands, {length}",
            [lambda s, r=r: statistics.commands(s, r, Scope(brain_id=BRAINS)) for r in ranges],
        )
    yield "the present", [lambda s: statistics.present(s, NOW)]


def p95(engine: Engine, variants: Sequence[Query]) -> float:
    """Return the 95th percentile (ms) of a query's variants, run in turn."""
    took = []
    for n in range(TIMES):
        with Session(engine) as session:
            began = time.perf_counter()
            variants[n % len(variants)](session)
            took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[int(0.95 * len(took))]


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Give the address of an empty database of each kind."""
    part, url = postgres(folder)
    try:
        start_service(part, url)
        yield {
            "SQLite": f"sqlite:///{folder / 'bench.db'}",
            "PostgreSQL": url.replace("postgresql://", "postgresql+psycopg://"),
        }
    finally:
        part.kill()


def measure(url: str, folder: Path, messages: int) -> dict[str, str]:
    """Build the rows, count them, time every query."""
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    database = Database(engine, folder)
    with engine.connect().execution_options(writer=True) as db:
        uncounted(db)
        fill(db, messages, NOW)
        for statement in chain.from_iterable(triggers(source, engine.dialect.name) for source in SOURCES):
            db.exec_driver_sql(statement)
        db.commit()
    began = time.perf_counter()
    days = sum(1 for _ in Recount(database, NOW).rebuild())
    cells = {f"rebuild of {messages:,} messages, {days:,} days: s": f"{time.perf_counter() - began:.0f}"}
    with engine.connect() as db:
        cells["rows of numbers"] = f"{db.scalar(select(func.count()).select_from(Rollup)):,}"
    cells |= {f"{name}: p95 ms": f"{p95(engine, variants):.1f}" for name, variants in queries()}
    database.writer.close()
    engine.dispose()
    return cells


def uncounted(db: Connection) -> None:
    """Take the triggers away."""
    for source in SOURCES:
        for name in ("new", "gone", *(("moved",) if source.changing else ())):
            on = "" if db.dialect.name == "sqlite" else f" ON {source.table}"
            db.exec_driver_sql(f"DROP TRIGGER {source.table}_{name}{on}")


def _bare(product: Product) -> None:
    url = product.env.get("DATABASE_URL") or f"sqlite:///{product.folder / 'data' / 'brainbox.db'}"
    engine = make_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(writer=True) as db:
        uncounted(db)
        db.commit()
    engine.dispose()


def write_cost(layout: Layout, scenario: str, seconds: float, rounds: int) -> str:
    """Set throughput and CPU with counting against those without, in turns; the medians."""
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for _ in range(rounds):
        for counting in (True, False):
            plan = Plan(seconds, status_batch=10)
            stretch = run_layout(layout, [scenario], plan, None if counting else _bare)[scenario].stretch
            if stretch:
                cpu = stretch.cpu_per_1000("product") + stretch.cpu_per_1000("postgres")
                found[counting].append((stretch.rate, cpu))
    with_, without = (tuple(median(run[n] for run in found[key]) for n in (0, 1)) for key in (True, False))
    return (
        f"| {layout} | {scenario} | {with_[0]:,.0f} | {without[0]:,.0f} | {with_[0] / without[0]:.3f} "
        f"| {with_[1]:.2f} | {without[1]:.2f} | {with_[1] / without[1]:.3f} |"
    )


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.analytics", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument(
        "--seconds", type=float, default=10, help="length of each pipeline run; 0 leaves them out"
    )
    parser.add_argument("--rounds", type=int, default=3, help="pipeline runs with and without counting")
    args = parser.parse_args()
    unwind_on_sigterm()
    folder = Path(tempfile.mkdtemp(prefix="brainbox-analytics-"))
    folder.chmod(0o711)
    try:
        with databases(folder) as urls:
            results = {kind: measure(url, folder, args.messages) for kind, url in urls.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"| | {' | '.join(results)} |\n|---|{'---|' * len(results)}")
    for name in dict.fromkeys(chain.from_iterable(results.values())):
        print(f"| {name} | {' | '.join(cells.get(name, '') for cells in results.values())} |")
    if args.seconds:
        print(
            "\n| layout | scenario | messages/s | without counting | ratio | CPU-s/1k | without counting | ratio |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for layout in (Layout.EMBEDDED, Layout.PRODUCTION):
            for scenario in ("sustained", "statuses"):
                print(write_cost(layout, scenario, args.seconds, args.rounds), flush=True)
    print(f"\n{machine()}.\n{NOTE}")


if __name__ == "__main__":
    main()
