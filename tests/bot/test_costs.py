"""What a message costs in counts, which no machine's mood changes: commits, statements, wake-ups, calls of functions.

The bounds for one message at a time are a tenth above what was counted when they were set; how many of a burst share a
transaction depends on the moment, so its bounds are half above. Who goes beyond has put something on the way of every
message; who makes it cheaper lowers them. Calls stand for allocations too: hardly anything is allocated without one.
"""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from types import FrameType
from typing import Any

import pytest
from flask import Flask

from app.signals import work_ready
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, wait_until

_EXECUTIONS = {"execute", "executemany"}


@dataclass
class Costs:
    """What was counted so far, or a message."""

    commits: float = 0
    statements: float = 0
    wake_ups: float = 0
    calls: float = 0


@dataclass
class Meter:
    """Counts what the writer and all threads that are started meanwhile do."""

    bot: SimulatedBot
    calls: Counter[str] = field(default_factory=Counter)
    wake_ups: int = 0

    def note_call(self, frame: FrameType, kind: str, argument: Any) -> None:
        if kind == "call":
            self.calls[frame.f_code.co_name if "psycopg" in frame.f_code.co_filename else ""] += 1
        elif kind == "c_call":
            # sqlite3's cursors are written in C, psycopg's in Python.
            self.calls[argument.__name__ if type(argument.__self__).__module__ == "sqlite3" else ""] += 1

    def note_wake_up(self, **_facts: object) -> None:
        self.wake_ups += 1

    @contextmanager
    def run(self) -> Iterator[None]:
        work_ready.connect(self.note_wake_up)
        threading.setprofile(self.note_call)
        self.bot.database.writer.run(lambda _db: sys.setprofile(self.note_call))
        try:
            yield
        finally:
            threading.setprofile(None)
            self.bot.database.writer.run(lambda _db: sys.setprofile(None))
            work_ready.disconnect(self.note_wake_up)

    def read(self) -> Costs:
        statements = sum(self.calls[name] for name in _EXECUTIONS)
        return Costs(self.bot.database.writer.commit_count, statements, self.wake_ups, self.calls.total())

    def measure(self, size: int, rounds: int) -> Costs:
        """Let `size` people write at once, `rounds` times; return what a message cost in the median round."""
        answered = len(self.bot.list_runs())
        readings = [self.read()]
        for number in range(rounds):
            self.bot.say(*((who, "hi") for who in range(size)))
            wanted = answered + size * (number + 1)
            wait_until(lambda wanted=wanted: self._is_done(wanted, size), 60)
            readings.append(self.read())
        # The median: chores come by the second, and a slow machine has more of them in a round.
        return Costs(
            *(
                median(getattr(after, name) - getattr(before, name) for before, after in pairwise(readings))
                / size
                for name in Costs.__dataclass_fields__
            )
        )

    def _is_done(self, runs: int, people: int) -> bool:
        return len(self.bot.list_runs()) == runs and not any(
            self.bot.get_chat(who).lease_until for who in range(people)
        )


BOUNDS = {
    ("sqlite", 1): Costs(3, 33, 1, 2_500),
    ("sqlite", 64): Costs(1.2, 9, 0.1, 1_700),
    ("postgresql", 1): Costs(6, 29, 1, 7_900),
    ("postgresql", 64): Costs(1.2, 6, 0.1, 2_100),
}


@pytest.mark.parametrize(("size", "rounds"), [(1, 15), (64, 3)])
def test_a_message_costs_no_more_than_it_did(installation: Flask, size: int, rounds: int):
    bot = SimulatedBot(installation, [build_reply_command("hi", "Hello {{ sender.name }}")])
    meter = Meter(bot)
    with meter.run(), bot.run_worker():
        meter.measure(size, 1)  # what is done once
        costs = meter.measure(size, rounds)
    bounds = BOUNDS[bot.database.engine.dialect.name, size]
    print(bot.database.engine.dialect.name, size, costs)
    assert costs.commits <= bounds.commits
    assert costs.statements <= bounds.statements
    assert costs.wake_ups <= bounds.wake_ups
    assert costs.calls <= bounds.calls
