"""The benchmark's Markdown: one table of all layouts beside the targets, and what the machine was like."""

import os
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.scenarios import Result

# What each figure must be and what it aims at: embedded / production where they differ; webhooks in brackets.
TARGETS = {
    "sustained, window 64: messages/s": ("1,500 / 900", "2,000 / 1,200"),
    "CPU-s/1k at max": ("0.7 / 1.4", "0.5 / 1.0"),
    "at 100/s: ack p50/p99 ms": ("3/12", "2/8"),
    "at 100/s: reply p50/p99 ms": ("6/20", "3.5/11"),
    "Graph 100 ms, window 256: messages/s": ("1,200", "1,800"),
    "3 statuses a reply: messages/s (webhooks/s)": ("(2,500)", "(4,000)"),
    "2 s burst: acked/s, drained/s": ("2,000", "3,000"),
    "burst: ack p99 ms, drained in": ("4 x", "25, 2 x"),
    "10 % refused sends of 300: lost, dup": ("0, 0", "0, 0"),
    "40 of 200 webhooks twice: lost, dup": ("0, 0", "0, 0"),
    "PSS of web + worker, MB": ("170 / 260", "130 / 200"),
}

NOTE = (
    "Numbers are bound to the machine and the moment: load, fake Graph and product share the cores. Run it"
    " again on a quiet machine, compare runs made side by side, quote none in which others took over 12 %."
)


def machine() -> str:
    """Describe the machine in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()},"
        f" fdatasync {fdatasync_ms():.2f} ms, load average {load}, {time.strftime('%Y-%m-%d %H:%M')}"
    )


def fdatasync_ms() -> float:
    """Measure the median time to make one small write durable in the temporary folder."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(40):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - began))
    return median(times)


def table(layouts: Mapping[str, Mapping[str, Result]]) -> str:
    """Render the results: layout -> scenario -> result."""
    rows: dict[str, dict[str, str]] = {}
    for layout, results in layouts.items():
        for result in results.values():
            for figure, cell in result.cells.items():
                rows.setdefault(figure, {})[layout] = cell
        rows.setdefault("lost / dup / out of order / wrong, all runs", {})[layout] = _faults(results)
        rows.setdefault("harness, CPU-ms a message", {})[layout] = _harness(results)
        rows.setdefault("others' share of the machine, each run", {})[layout] = _others(results)
    names = list(layouts)
    lines = [
        _line(["figure", "must", "aim", *names]),
        _line(["---"] * (3 + len(names))),
        *(
            _line([figure, *TARGETS.get(figure, ("", "")), *(cells.get(name, "-") for name in names)])
            for figure, cells in rows.items()
        ),
    ]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _faults(results: Mapping[str, Result]) -> str:
    kinds = ("lost", "duplicated", "out of order", "wrong")
    return " / ".join(str(sum(result.faults.get(kind, 0) for result in results.values())) for kind in kinds)


def _harness(results: Mapping[str, Result]) -> str:
    costs = [result.stretch.cpu_per_1000("harness") for result in results.values() if result.stretch]
    return "-".join(f"{cost:.2f}" for cost in sorted({min(costs), max(costs)})) if costs else "-"


def _others(results: Mapping[str, Result]) -> str:
    return ", ".join(f"{result.others:.0%}" for result in results.values() if result.stretch) or "-"
