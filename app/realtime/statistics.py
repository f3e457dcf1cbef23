"""Statistics: what was counted in a range, for everything or for one connection, brain, version or command.

Each function is one statement over the rollups and the changes that are not added up yet, so that its numbers belong
together and equal the rows at that moment. What is read is bounded by the steps of the range, not by the messages.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import faults, health
from app.bot.models import Connection, Fault
from app.bot.rollup_models import ANY, ANY_COMMAND
from app.bot.rollups import Key, Tally, middle
from app.realtime import tallies
from app.realtime.ranges import Range
from app.signals import DomainError

RUNS = ("run_answered", "run_silent", "run_failed")


class NoBrainNamed(DomainError):
    """A version or a command without the brain it belongs to."""

    code = "no_brain_named"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers: None = of all. A version or a command needs its brain."""

    connection_id: int | None = None
    brain_id: int | None = None
    version_id: int | None = None
    command_id: str | None = None

    @property
    def key(self) -> Key:
        """Return the place of these numbers; raises NoBrainNamed."""
        if self.brain_id is None and (self.version_id is not None or self.command_id is not None):
            raise NoBrainNamed("Choose the brain first, then its version or command.")
        return (
            ANY if self.connection_id is None else self.connection_id,
            ANY if self.brain_id is None else self.brain_id,
            ANY if self.version_id is None else self.version_id,
            ANY_COMMAND if self.command_id is None else self.command_id,
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a stretch of time came to; every rate is None where there is nothing it could be a rate of."""

    tally: Tally

    def count(self, metric: str) -> int:
        """Return a number by its name in docs/analytics.md, whatever its labels."""
        return sum(n for name, n in self.tally.counts.items() if name.partition(":")[0] == metric)

    def by_label(self, metric: str) -> dict[str, int]:
        """Return a number by error code, kind or model, the largest first."""
        found = {
            name.partition(":")[2]: n
            for name, n in self.tally.counts.items()
            if name.partition(":")[0] == metric and n
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def runs(self) -> int:
        """How often brains were run."""
        return sum(self.count(metric) for metric in RUNS)

    @property
    def answer_rate(self) -> float | None:
        """The part of the runs that answered."""
        return _rate(self.count("run_answered"), self.runs)

    @property
    def settled(self) -> int:
        """Messages whose fate is known: taken by the provider, or given up."""
        return self.count("sent") + self.count("failed") + self.count("dead")

    @property
    def delivery_rate(self) -> float | None:
        """The part of the settled messages that was delivered."""
        return _rate(self.count("delivered"), self.settled)

    @property
    def read_rate(self) -> float | None:
        """The part of the delivered messages that was read; people may hide that they did."""
        return _rate(self.count("read"), self.count("delivered"))

    @property
    def failure_rate(self) -> float | None:
        """The part of the settled messages that did not go out."""
        return _rate(self.count("failed") + self.count("dead"), self.settled)

    def response_ms(self, part: float) -> float | None:
        """Return the time (ms) within which this part (0..1) of the first answers was taken by the provider."""
        return _percentile([self.tally.times.get("sent", {})], part)

    def run_micros(self, part: float) -> float | None:
        """Return the time (microseconds) within which this part (0..1) of the runs was over."""
        return _percentile([self.tally.times.get(metric, {}) for metric in RUNS], part)

    def call_ms(self, part: float) -> float | None:
        """Return the time (ms) within which this part (0..1) of the AI calls was answered."""
        return _percentile([self.tally.times.get("ai_calls", {})], part)


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of a range: of each step, in the order of `range.starts`, and of all together."""

    range: Range
    points: Sequence[Numbers]
    total: Numbers


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command of a brain: its numbers, when it last ran (ms, to the minute or quarter-hour), and its open fault."""

    command_id: str
    numbers: Numbers
    last_run_at: int | None
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class Now:
    """The state of the pipeline; `lag` (ms) = how long the chat that waits longest has waited."""

    waiting: int
    unsent: int
    lag: int
    in_flight: int
    workers: Sequence[Mapping[str, Any]]
    connections: Sequence[Connection]
    trouble: Mapping[str, int]


def report(session: Session, range_: Range, scope: Scope | None = None) -> Report:
    """Return all numbers of a range; raises NoBrainNamed."""
    points = [Tally() for _ in range_.starts]
    for row in tallies.read(session, range_.pieces, (scope or Scope()).key):
        points[range_.place(row.at)].merge(row.counts, row.times)
    whole = Tally()
    for tally in points:
        whole.merge(tally.counts, tally.times)
    return Report(range_, [Numbers(tally) for tally in points], Numbers(whole))


def total(session: Session, range_: Range, scope: Scope | None = None) -> Numbers:
    """Return the sums over a range, such as the period before is compared by; raises NoBrainNamed."""
    tally = Tally()
    for row in tallies.read(session, range_.whole, (scope or Scope()).key):
        tally.merge(row.counts, row.times)
    return Numbers(tally)


def commands(session: Session, range_: Range, scope: Scope, most: int | None = None) -> list[CommandLine]:
    """Return the commands of a brain that something was counted for in a range, the (`most`) used first.

    Raises NoBrainNamed when the scope names none.
    """
    if scope.brain_id is None:
        raise NoBrainNamed("Choose the brain whose commands are asked for.")
    key = replace(scope, command_id=None).key
    found: dict[str, Tally] = {}
    last: dict[str, int] = {}
    for row in tallies.read(session, range_.whole, key, each=True):
        found.setdefault(row.command_id, Tally()).merge(row.counts, row.times)
        if row.waiting:
            last[row.command_id] = max(row.at, last.get(row.command_id, 0))
    open_faults = faults.latest_by_command(session, scope.brain_id)
    used = sorted(found.items(), key=lambda item: (-Numbers(item[1]).runs, item[0]))
    return [
        CommandLine(
            command_id,
            Numbers(tally),
            last.get(command_id) or tallies.last(session, (*key[:3], command_id)),
            open_faults.get(command_id),
        )
        for command_id, tally in used[:most]
    ]


def present(session: Session, now: int) -> Now:
    """Return how the pipeline stands."""
    workers = health.workers(session, now)
    connections = select(Connection).where(Connection.archived_at.is_(None)).order_by(Connection.name)
    return Now(
        health.waiting(session),
        health.unsent(session),
        health.lag(session, now),
        sum(worker["in_flight"] for worker in workers),
        workers,
        list(session.scalars(connections)),
        health.troubled(session),
    )


def _rate(part: int, of: int) -> float | None:
    return part / of if of else None


def _percentile(found: Iterable[Mapping[int, int]], part: float) -> float | None:
    """Return the middle of the bucket in which this part of all times is reached."""
    merged: dict[int, int] = {}
    for times in found:
        for at, n in times.items():
            merged[at] = merged.get(at, 0) + n
    wanted = max(1, math.ceil(part * sum(merged.values())))
    reached = 0
    for at, n in sorted(merged.items()):
        reached += n
        if reached >= wanted:
            return middle(at)
    return None
