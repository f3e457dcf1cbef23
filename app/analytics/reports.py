"""Reports: metrics, rates and percentiles of a time range for everything, a connection, brain, version or command.

Each function is one statement over the rollups and the changes that are not added up yet, so that its numbers belong
together and equal the rows at that moment. What is read is bounded by the steps of the range, not by the messages.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analytics import reader
from app.analytics.models import ANY, ANY_COMMAND
from app.analytics.rollup import MetricKey, MetricSums, get_bucket_midpoint
from app.analytics.time_ranges import TimeRange
from app.bot import command_errors
from app.bot.health import status
from app.bot.models import CommandError, Connection
from app.immutable import immutable
from app.signals import DomainError

RUN_METRICS = ("run_answered", "run_silent", "run_failed")


class BrainRequiredError(DomainError):
    """Version or command without the brain it belongs to."""

    code = "no_brain_named"


@immutable
class Scope:
    """Filter of a report; None = all. A version or a command needs its brain.

    `excluded`: ids of connections left out of all; it has no effect beside `connection_id`.
    """

    connection_id: int | None = None
    brain_id: int | None = None
    version_id: int | None = None
    command_id: str | None = None
    excluded: tuple[int, ...] = ()

    @property
    def left_out(self) -> tuple[int, ...]:
        """Return the connections whose numbers are subtracted."""
        return self.excluded if self.connection_id is None else ()

    @property
    def key(self) -> MetricKey:
        """Return the key of these numbers; raises BrainRequiredError."""
        if self.brain_id is None and (self.version_id is not None or self.command_id is not None):
            raise BrainRequiredError("Choose the brain first, then its version or command.")
        return (
            ANY if self.connection_id is None else self.connection_id,
            ANY if self.brain_id is None else self.brain_id,
            ANY if self.version_id is None else self.version_id,
            ANY_COMMAND if self.command_id is None else self.command_id,
        )


@immutable
class MetricSummary:
    """Numbers of a time range; every rate is None where its denominator is 0."""

    sums: MetricSums

    def count(self, metric: str) -> int:
        """Return a number by its name in docs/analytics.md, summed over its labels."""
        return sum(n for name, n in self.sums.counts.items() if name.partition(":")[0] == metric)

    def count_by_label(self, metric: str) -> dict[str, int]:
        """Return a number by error code, kind or model, largest first."""
        found = {
            name.partition(":")[2]: n
            for name, n in self.sums.counts.items()
            if name.partition(":")[0] == metric and n
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.count(metric) for metric in RUN_METRICS)

    @property
    def answer_rate(self) -> float | None:
        """Share of runs that answered (0..1)."""
        return _rate(self.count("run_answered"), self.runs)

    @property
    def settled_count(self) -> int:
        """Messages with a final status: accepted by the provider, refused or given up."""
        return self.count("sent") + self.count("failed") + self.count("dead")

    @property
    def delivery_rate(self) -> float | None:
        """Share of messages with a final status that were delivered (0..1)."""
        return _rate(self.count("delivered"), self.settled_count)

    @property
    def read_rate(self) -> float | None:
        """Share of delivered messages that were read (0..1); people may hide that they read."""
        return _rate(self.count("read"), self.count("delivered"))

    @property
    def failure_rate(self) -> float | None:
        """Share of messages with a final status that failed (0..1)."""
        return _rate(self.count("failed") + self.count("dead"), self.settled_count)

    def compute_response_ms(self, part: float) -> float | None:
        """Return the response time (ms) of this percentile (0..1): until the provider accepted the first answer."""
        return _percentile([self.sums.times.get("sent", {})], part)

    def compute_run_micros(self, part: float) -> float | None:
        """Return the run time (microseconds) of this percentile (0..1)."""
        return _percentile([self.sums.times.get(metric, {}) for metric in RUN_METRICS], part)


@immutable
class Report:
    """Report of a range: the numbers of each step, in the order of `range.starts`, and of all together."""

    range: TimeRange
    points: Sequence[MetricSummary]
    total: MetricSummary


@immutable
class CommandStats:
    """Command of a brain: numbers, last run (ms, to the minute or quarter-hour), open command error."""

    command_id: str
    summary: MetricSummary
    last_run_at: int | None
    error: CommandError | None


@immutable
class PipelineStatus:
    """Status of the pipeline; `lag_ms` = how long the oldest ready chat has waited."""

    waiting: int
    unsent: int
    lag_ms: int
    in_flight: int
    workers: Sequence[Mapping[str, Any]]
    connections: Sequence[Connection]


def build_report(session: Session, range_: TimeRange, scope: Scope | None = None) -> Report:
    """Return all numbers of a range; raises BrainRequiredError."""
    points = [MetricSums() for _ in range_.starts]
    scope = scope or Scope()
    for row in reader.read(session, range_.step_spans, scope.key, excluded=scope.left_out):
        points[range_.get_step_index(row.at)].merge(row.counts, row.times, row.sign)
    whole = MetricSums()
    for sums in points:
        whole.merge(sums.counts, sums.times)
    return Report(range_, [MetricSummary(sums) for sums in points], MetricSummary(whole))


def compute_total(session: Session, range_: TimeRange, scope: Scope | None = None) -> MetricSummary:
    """Return the sums of a range, used for the previous period; raises BrainRequiredError."""
    sums, scope = MetricSums(), scope or Scope()
    for row in reader.read(session, range_.total_spans, scope.key, excluded=scope.left_out):
        sums.merge(row.counts, row.times, row.sign)
    return MetricSummary(sums)


def list_command_stats(
    session: Session, range_: TimeRange, scope: Scope, limit: int | None = None
) -> list[CommandStats]:
    """Return the commands of a brain with numbers in a range, most used first, at most `limit`.

    Raises BrainRequiredError when the scope names none.
    """
    if scope.brain_id is None:
        raise BrainRequiredError("Choose the brain whose commands are asked for.")
    key = replace(scope, command_id=None).key
    found: dict[str, MetricSums] = {}
    last: dict[str, int] = {}
    for row in reader.read(session, range_.total_spans, key, each=True, excluded=scope.left_out):
        found.setdefault(row.command_id, MetricSums()).merge(row.counts, row.times, row.sign)
        if row.is_delta:
            last[row.command_id] = max(row.at, last.get(row.command_id, 0))
    open_errors = command_errors.find_latest_by_command(session, scope.brain_id)
    counted = {command_id: sums for command_id, sums in found.items() if any(sums.counts.values())}
    used = sorted(counted.items(), key=lambda item: (-MetricSummary(item[1]).runs, item[0]))[:limit]
    stored = reader.find_last_times(session, [(*key[:3], command_id) for command_id, _ in used])
    return [
        CommandStats(
            command_id,
            MetricSummary(sums),
            last.get(command_id) or last_at,
            open_errors.get(command_id),
        )
        for (command_id, sums), last_at in zip(used, stored, strict=True)
    ]


def get_pipeline_status(session: Session, now: int) -> PipelineStatus:
    """Return the status of the pipeline."""
    workers = status.list_workers(session, now)
    connections = select(Connection).where(Connection.archived_at.is_(None)).order_by(Connection.name)
    return PipelineStatus(
        status.count_pending(session),
        status.count_unsettled(session),
        status.compute_lag(session, now),
        sum(worker["in_flight"] for worker in workers),
        workers,
        list(session.scalars(connections)),
    )


def _rate(part: int, of: int) -> float | None:
    return part / of if of else None


def _percentile(found: Iterable[Mapping[int, int]], part: float) -> float | None:
    """Return the midpoint of the bucket that holds this percentile of all times."""
    merged: dict[int, int] = {}
    for times in found:
        for at, n in times.items():
            merged[at] = merged.get(at, 0) + n
    target = max(1, math.ceil(part * sum(merged.values())))
    reached = 0
    for at, n in sorted(merged.items()):
        reached += n
        if reached >= target:
            return get_bucket_midpoint(at)
    return None
