"""What the sandbox costs: each mode hot and at idle pace, kills, losses, memory, neighbours; `make bench-sandbox`."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.brains.sandbox import SCRIPT, STICKY, STRICT, Job, RunResult, Sandbox, Source

SAMPLE = """\
import re
words = re.findall(r"[a-z]+", ctx.message.text.lower())
counts = {}
for word in words:
    counts[word] = counts.get(word, 0) + 1
best = ""
for word, count in counts.items():
    if count > counts.get(best, 0):
        best = word
if not best:
    ctx.reply("Say something, please.")
else:
    total = 0
    for count in counts.values():
        total += count
    ctx.reply(f"You said {total} words, most often {best}.")
    ctx.memory.set("last", best)
ctx.reply("Bye, " + ctx.sender.name)
"""
BOMB = "x = 1\nwhile True:\n    x += 1\n"
MESSAGE = "the cat and the dog and the bird saw the cat"


def job(owner: str = "version:1", source: str = SAMPLE, *, strict: bool = False) -> Job:
    """Return a run of a script on a plain message."""
    data = {
        "message": {
            "text": MESSAGE,
            "kind": "text",
            "id": "1",
            "timestamp": 1.7e9,
            "quoted": None,
            "media": None,
        },
        "args": {},
        "sender": {"id": "u", "name": "Ama", "phone": "233201234567"},
        "chat": {"id": 1, "is_group": False},
        "match": {"text": "", "groups": [], "named": {}},
        "command": {"name": "sample"},
        "clock": [1.7e9, 0, "UTC"],
        "seed": 7,
        "memory": {"contact": {}, "chat": {}, "brain": {}},
        "grants": ["memory"],
        "commands": ["sample"],
    }
    return Job(owner, Source.from_text(SCRIPT, source), data, strict=strict)


def timed(act: Callable[[], object], count: int, pause: float = 0.0) -> list[float]:
    """Return how long each of `count` acts took, ms, sorted; with a pause (s) before each."""
    took = []
    for _ in range(count):
        if pause:
            time.sleep(pause)
        started = time.perf_counter()
        act()
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)


def at(sorted_values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def row(title: str, took: Sequence[float], rate: float | None = None) -> None:
    """Print one line of the table."""
    per_second = f"{rate:>10,.0f}/s" if rate else ""
    print(f"{title:<46} p50 {at(took, 0.5):>8.3f} ms  p99 {at(took, 0.99):>8.3f} ms {per_second}")


def rate(sandbox: Sandbox, callers: int, size: int, *, strict: bool, seconds: float = 3.0) -> float:
    """Return runs a second of several callers, each its own owner, `size` runs at a time."""
    counts = [0] * callers
    until = time.perf_counter() + seconds

    def call(number: int) -> None:
        jobs = [job(f"version:{number}", strict=strict)] * size
        while time.perf_counter() < until:
            if not all(isinstance(result, RunResult) for result in sandbox.run_many(jobs)):
                raise RuntimeError("a harmless run failed")
            counts[number] += size

    started = time.perf_counter()
    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def mode(sandbox: Sandbox, name: str, *, strict: bool) -> None:
    """Measure one mode: hot, at idle pace, and how many a second."""
    one = job(strict=strict)
    timed(lambda: sandbox.run(one), 300)
    hot = timed(lambda: sandbox.run(one), 3_000 if not strict else 600)
    row(f"{name}, hot, 1 caller", hot, 1000 / statistics.fmean(hot))
    row(f"{name}, one each 5 ms", timed(lambda: sandbox.run(one), 400, 0.005))
    for callers, size in ((2, 1), (1, 16), (2, 16)):
        found = rate(sandbox, callers, size, strict=strict)
        print(f"{f'{name}, {callers} caller(s), {size} at a time':<46} {found:>46,.0f}/s")


def after_a_kill(sandbox: Sandbox) -> None:
    """Measure the first run of an owner whose child was just killed."""
    took = []
    for number in range(20):
        owner = f"version:{100 + number}"
        sandbox.run(job(owner))
        sandbox.run(job(owner, BOMB))
        took += timed(lambda owner=owner: sandbox.run(job(owner)), 1)
        time.sleep(0.05)
    row("next run after a kill", sorted(took))


def after_a_loss(sandbox: Sandbox) -> None:
    """Measure the first run after the zygotes were killed."""
    took = []
    for _ in range(10):
        sandbox.run(job())
        for launcher in sandbox.list_zygote_pids():
            os.kill(launcher, signal.SIGKILL)
        took += timed(lambda: sandbox.run(job()), 1)
        time.sleep(0.3)
    row("zygote lost, to the first result", sorted(took))


def memory(sandbox: Sandbox) -> None:
    """Print what zygotes and ready children hold, from /proc."""
    time.sleep(1)
    for launcher in sandbox.list_zygote_pids():
        zygote = _children(launcher)[:1] or [launcher]
        ready = _children(zygote[0])
        private = [_held(child, "Private_Dirty") for child in ready]
        print(
            f"{'memory: zygote; ready child':<46} {_held(zygote[0], 'Rss') / 1024:>6.1f} MB resident, "
            f"{_held(zygote[0], 'Pss') / 1024:.1f} MB PSS; {statistics.median(private) / 1024:.2f} MB private"
        )


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(number) for number in found.stdout.split()]


def _held(pid: int, what: str) -> int:
    """Return a line of a process's memory map, KB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def neighbours(sandbox: Sandbox) -> None:
    """Measure one brain while another runs bombs in a loop."""
    quiet = timed(lambda: sandbox.run(job("version:200")), 400, 0.005)
    stop = threading.Event()

    def bomb() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            # A fresh version each time: the breaker would stop the same one after five.
            sandbox.run(job(f"version:{1000 + number}", BOMB))

    thread = threading.Thread(target=bomb)
    thread.start()
    time.sleep(0.5)
    beside = timed(lambda: sandbox.run(job("version:200")), 400, 0.005)
    stop.set()
    thread.join()
    row("a quiet brain alone, one each 5 ms", quiet)
    row("the same beside a brain that runs bombs", beside)
    print(f"{'p95 beside bombs / alone':<46} {at(beside, 0.95) / at(quiet, 0.95):.2f}")


def floors() -> None:
    """Measure plain exec and a fresh interpreter, for comparison."""
    code = compile(
        "import re\nwords = re.findall('[a-z]+', text)\nn = 0\nfor w in words:\n    n += 1", "x", "exec"
    )
    row("plain exec of something similar, no guards", timed(lambda: exec(code, {"text": MESSAGE}), 3_000))  # noqa: S102
    fresh = [sys.executable, "-I", "-S", "-c", "pass"]
    row("a fresh python that does nothing", timed(lambda: subprocess.run(fresh, check=True), 20))


def main() -> None:
    """Run all measurements."""
    floors()
    for name, strict in ((STICKY, False), (STRICT, True)):
        sandbox = Sandbox(8)
        if not strict:
            print(f"sandbox: {sandbox.get_level()}")
        mode(sandbox, name, strict=strict)
        sandbox.close()
    sandbox = Sandbox(8)
    after_a_kill(sandbox)
    memory(sandbox)
    after_a_loss(sandbox)
    neighbours(sandbox)
    sandbox.close()


if __name__ == "__main__":
    main()
