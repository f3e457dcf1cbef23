"""The benchmark: `python -m bench.pipeline --layout embedded --seconds 10` prints a Markdown table."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from bench.graph import FakeGraph, Options
from bench.peers import Peer, PeerKind
from bench.processes import free_port, unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine, table
from bench.rig import QUIET, Rig, System
from bench.scenarios import PEER_SCENARIOS, SCENARIOS, Plan, Result, warm_up


async def _run(product: System, graph_port: int, names: list[str], plan: Plan) -> dict[str, Result]:
    graph = FakeGraph(Options())
    await graph.start(graph_port)
    rig = Rig(product, graph)
    try:
        await warm_up(rig, plan)
        for name in names:
            plan.results[name] = await _quietest(rig, name, plan)
    finally:
        await graph.stop()
    return plan.results


async def _quietest(rig: Rig[System], name: str, plan: Plan) -> Result:
    """Run a scenario, again while others take much of the machine, and return the quietest run."""
    runs = []
    for _ in range(plan.tries):
        await rig.quiet(plan.patience)
        runs.append(await SCENARIOS[name](rig, plan))
        rig.graph.reset()
        print(f"{rig.product.layout} {name}: {runs[-1].cells} {runs[-1].faults}", file=sys.stderr, flush=True)
        if runs[-1].others <= QUIET:
            break
    return min(runs, key=lambda run: run.others)


def run_layout(
    layout: Layout, names: list[str], plan: Plan, prepare: Callable[[Product], None] | None = None
) -> dict[str, Result]:
    """Run the named scenarios on a fresh installation; raises StartError when it does not start."""
    port = free_port()
    with Product(layout, f"http://127.0.0.1:{port}") as product:
        if prepare:
            prepare(product)
        product.start()
        return asyncio.run(_run(product, port, names, plan))


def run_peer(kind: PeerKind, names: list[str], plan: Plan) -> dict[str, Result]:
    """Run those of the named scenarios on a peer that it can be measured in; raises StartError."""
    port = free_port()
    with Peer(kind, f"http://127.0.0.1:{port}") as peer:
        peer.start()
        return asyncio.run(_run(peer, port, [name for name in names if name in PEER_SCENARIOS], plan))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description="Measure the pipeline.")
    add = parser.add_argument
    add("--layout", action="append", choices=[*Layout, "all"], help="repeatable (default: embedded)")
    add("--peer", action="append", choices=[*PeerKind, "all"], default=[], help="beside it; repeatable")
    add("--seconds", type=float, default=10, help="length of each measured stretch")
    add("--only", action="append", choices=list(SCENARIOS), help="only this scenario; repeatable")
    add("--tries", type=int, default=1, help="runs of a scenario others disturb; the quietest counts")
    add("--patience", type=float, default=0, help="seconds to wait for a quiet machine before each run")
    add("--status-batch", type=int, default=1, help="most statuses in one webhook")
    return parser


def main() -> None:
    """Run the layouts one after the other and print the table."""
    args = _parser().parse_args()
    unwind_on_sigterm()
    chosen = args.layout or [Layout.EMBEDDED]
    layouts = list(Layout) if "all" in chosen else [Layout(name) for name in chosen]
    names = args.only or list(SCENARIOS)
    peers = list(PeerKind) if "all" in args.peer else [PeerKind(name) for name in args.peer]
    about = machine()
    results = {}
    for one in (*layouts, *peers):
        plan = Plan(args.seconds, args.status_batch, args.tries, args.patience)
        run = run_layout(one, names, plan) if isinstance(one, Layout) else run_peer(one, names, plan)
        results[str(one)] = run
    print(f"{table(results)}\n\n{about}.\n{NOTE}")


if __name__ == "__main__":
    main()
