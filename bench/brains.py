"""Measures the brains: matching, whole turns with a template, turns in batches.

`python bench/brains.py` prints p50 and p99 in microseconds.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.brains.fuzzy import SearchText, find_best
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.selection.command_choice import choose
from app.brains.sandbox import Sandbox
from app.brains.turn import Sender, Turn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TEMPLATE = "You said {{ args.text }}, {{ sender.name }}"


def document(commands: int) -> dict[str, Any]:
    """Make a brain of many kinds of triggers whose last but one command is an echo."""
    kinds = [
        {"kind": "command", "words": ["order", "track"]},
        {"kind": "contains", "texts": ["price", "cost"], "whole_word": True},
        {"kind": "regex", "pattern": r"order (\d+)"},
        {"kind": "exact", "texts": ["good morning"]},
    ]
    listed = [_command(n, kinds[n % 4], "x") for n in range(commands - 2)]
    echo = _command(commands, {"kind": "command", "words": ["echo"]}, TEMPLATE)
    echo["arguments"] = [{"name": "text", "type": "rest"}]
    listed += [echo, _command(commands + 1, {"kind": "fallback"}, "what?")]
    return {"brain": "bench", "title": "Bench", "commands": listed}


def _command(number: int, trigger: dict[str, Any], template: str) -> dict[str, Any]:
    return {
        "id": f"c{number}",
        "name": f"n{number}",
        "trigger": trigger,
        "action": {"kind": "reply", "template": template},
    }


def turn(text: str) -> Turn:
    """Make the turn of one text message."""
    return Turn(1, "text", text, Sender("user.1", "Ama"), 1, 0, 1_767_268_800_000, 7, contact_id=1)


def measure(name: str, times: int, job: Callable[[], Any], before: Callable[[], Any] | None = None) -> None:
    """Run a job many times and print its p50 and p99."""
    took = []
    for _ in range(times):
        if before:
            before()
        started = time.perf_counter_ns()
        job()
        took.append((time.perf_counter_ns() - started) / 1000)
    cuts = statistics.quantiles(took, n=100)
    print(f"{name:<44} p50 {cuts[49]:>9.1f} us   p99 {cuts[98]:>9.1f} us   n {times}")


def batches(runtime: Runtime, program: Program, size: int, total: int) -> None:
    """Print how many turns a second go through in batches."""
    jobs = [RunRequest(program, turn("!echo hi"))] * size
    started = time.perf_counter()
    for _ in range(total // size):
        runtime.run_many(jobs)
    rate = total / (time.perf_counter() - started)
    print(f"{f'turns in batches of {size}':<44} {rate:>13,.0f} a second")


def main() -> None:
    """Run all measurements."""
    hot = turn("!echo hello there")
    for commands in (20, 500):
        program = compile_program(1, 1, document(commands))
        measure(f"match, {commands} commands, last one wins", 5_000, lambda p=program: choose(p, hot))
    names = [
        (SearchText.from_text(f"Order part {n % 500} of {n // 500}", ("status", "track")), n)
        for n in range(20_000)
    ]
    for query in ("o", "part 499 of 3", "status", "ordpa"):
        measure(f"palette, “{query}” among 20,000 commands", 20, lambda q=query: find_best(names, q, 8))
    program = compile_program(1, 1, document(20))
    sandbox = Sandbox(2)
    print(f"sandbox: {sandbox.get_level()}")
    runtime = Runtime(sandbox)
    request = RunRequest(program, hot)
    measure("whole turn, sticky child", 3_000, lambda: runtime.run_many([request]))
    measure("the same, one each 5 ms", 300, lambda: runtime.run_many([request]), lambda: time.sleep(0.005))
    for size in (1, 16, 64):
        batches(runtime, program, size, 6_400)
    sandbox.close()


if __name__ == "__main__":
    main()
