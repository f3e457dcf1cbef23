"""What counting costs: `python -m bench.counting` prints Markdown.

The pipeline's throughput with the counting triggers is set against the one without, in turns.
"""

import argparse
from statistics import median

from sqlalchemy import Connection

from app.analytics.triggers import SOURCES
from app.db.engine import make_engine
from bench.pipeline import run_layout
from bench.processes import unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine
from bench.scenarios import Plan


def uncounted(db: Connection) -> None:
    """Take the triggers away."""
    for source in SOURCES:
        for name in ("new", "gone", *(("moved",) if source.watched_columns else ())):
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
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.counting", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs with and without counting")
    args = parser.parse_args()
    unwind_on_sigterm()
    print(
        "| layout | scenario | messages/s | without counting | ratio | CPU-s/1k | without counting | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for layout in (Layout.EMBEDDED, Layout.PRODUCTION):
        for scenario in ("sustained", "statuses"):
            print(write_cost(layout, scenario, args.seconds, args.rounds), flush=True)
    print(f"\n{machine()}.\n{NOTE}")


if __name__ == "__main__":
    main()
