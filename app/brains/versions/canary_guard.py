"""Canary guard: thresholds and statistics by which a worse candidate version is rolled back.

Numbers in, decisions out; the rule is explained in docs/decisions/0011.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from app.brains.versions.routing import BASE, CANDIDATE
from app.immutable import immutable

MAX_EXTRA_FAILURES: Final = 50  # points
MAX_SLOWER: Final = 100
MAX_MIN_RUNS: Final = 10_000
# The guard acts when the runs are this many times likelier under “worse than allowed” than under “as allowed”.
ODDS_THRESHOLD: Final = 1_000
# Microseconds nobody notices: a run that is no longer than this is never slow.
MIN_SLOW_MICROS: Final = 100_000

_WORSE_STEPS: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
# Buckets of run times: four to a doubling, so that a percentile is right within a fifth.
_BUCKETS_PER_DOUBLING: Final = 4


@dataclass(slots=True)
class VariantStats:
    """Statistics of one version's runs; `times` counts runs by the bucket of their microseconds."""

    runs: int = 0
    failed: int = 0
    chats: int = 0
    times: dict[int, int] = field(default_factory=dict)

    def add(self, *, failed: bool, micros: int) -> None:
        """Count one run."""
        bucket = _compute_bucket(micros)
        self.runs += 1
        self.failed += failed
        self.times[bucket] = self.times.get(bucket, 0) + 1

    @property
    def failure_rate(self) -> float:
        """Share of failed runs, 0 to 1."""
        return self.failed / self.runs if self.runs else 0.0

    def compute_percentile(self, percent: int) -> int:
        """Return the run time (microseconds) of this percentile; 0 without runs."""
        rank, passed = self.runs * percent / 100, 0
        for bucket in sorted(self.times):
            passed += self.times[bucket]
            if passed >= rank:
                return round(2 ** ((bucket + 1) / _BUCKETS_PER_DOUBLING))
        return 0

    def count_slower_than(self, micros: int) -> int:
        """Count the runs that took longer than `micros`."""
        return sum(count for bucket, count in self.times.items() if bucket > _compute_bucket(micros))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read statistics from JSON data."""
        times = {int(bucket): int(count) for bucket, count in data.get("times", {}).items()}
        return cls(data.get("runs", 0), data.get("failed", 0), data.get("chats", 0), times)

    def to_data(self) -> dict[str, Any]:
        """Return them as JSON data."""
        return {"runs": self.runs, "failed": self.failed, "chats": self.chats, "times": self.times}


@dataclass(slots=True)
class RolloutStats:
    """Statistics of both versions and, in shadow mode, how their answers differ, by kind."""

    base: VariantStats = field(default_factory=VariantStats)
    candidate: VariantStats = field(default_factory=VariantStats)
    kinds: dict[str, int] = field(default_factory=dict)

    def get_variant(self, name: str) -> VariantStats:
        """Return the statistics of this version (base or candidate)."""
        return self.candidate if name == CANDIDATE else self.base

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read statistics from JSON data; missing counts are 0."""
        return cls(
            VariantStats.from_data(data.get(BASE, {})),
            VariantStats.from_data(data.get(CANDIDATE, {})),
            dict(data.get("kinds", {})),
        )

    def to_data(self) -> dict[str, Any]:
        """Return them as JSON data."""
        return {BASE: self.base.to_data(), CANDIDATE: self.candidate.to_data(), "kinds": self.kinds}


@immutable
class Guard:
    """Thresholds at which a candidate is rolled back: extra failures, slowdown, least number of runs.

    It may fail `extra_failures` points more often than the base, and be `slower` times as slow (0 = any); nothing is
    judged before `min_runs` of its runs.
    """

    extra_failures: int = 2
    slower: int = 3
    min_runs: int = 20

    def find_regression(self, stats: RolloutStats) -> str:
        """Return why the candidate must be rolled back; empty while nothing does."""
        candidate, base = stats.candidate, stats.base
        if candidate.runs < self.min_runs:
            return ""
        allowed = compute_upper_bound(base.failed, base.runs) + self.extra_failures / 100
        if compute_log_odds(candidate.failed, candidate.runs, allowed) > math.log(ODDS_THRESHOLD):
            return (
                f"{candidate.failed:,} of {candidate.runs:,} runs failed ({candidate.failure_rate:.0%}); "
                f"before, {base.failed:,} of {base.runs:,} did ({base.failure_rate:.0%})."
            )
        return self._find_slowdown(candidate, base)

    def _find_slowdown(self, candidate: VariantStats, base: VariantStats) -> str:
        if not self.slower or base.runs < self.min_runs:
            return ""
        limit = max(base.compute_percentile(95) * self.slower, MIN_SLOW_MICROS)
        slow = candidate.count_slower_than(limit)
        if compute_log_odds(
            slow, candidate.runs, compute_upper_bound(base.count_slower_than(limit), base.runs) + 0.05
        ) <= math.log(ODDS_THRESHOLD):
            return ""
        return (
            f"{slow:,} of {candidate.runs:,} runs took longer than {limit / 1000:,.0f} ms; "
            f"before, 95 of 100 stayed under {base.compute_percentile(95) / 1000:,.1f} ms."
        )


def compute_upper_bound(bad: int, runs: int) -> float:
    """Return an upper bound of the true rate: the smoothed measured rate plus one standard error."""
    rate = (bad + 1) / (runs + 2)
    return rate + math.sqrt(rate * (1 - rate) / max(runs, 1))


def compute_log_odds(bad: int, runs: int, allowed: float) -> float:
    """Return the log odds that `bad` of `runs` come from a rate above `allowed`.

    The mean likelihood ratio over several higher rates. Looked at after every run it passes ODDS by chance at most
    once in ODDS rollouts, however long they last (Ville's inequality).
    """
    if not 0 < allowed < 1:
        return -math.inf
    logs = [
        bad * math.log(rate / allowed) + (runs - bad) * math.log((1 - rate) / (1 - allowed))
        for rate in (allowed + (1 - allowed) * step for step in _WORSE_STEPS)
    ]
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs) / len(logs))


def _compute_bucket(micros: int) -> int:
    return math.floor(math.log2(max(micros, 1)) * _BUCKETS_PER_DOUBLING)
