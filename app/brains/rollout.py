"""Rollouts: which version answers a chat, what its runs add up to, and when the guard takes a candidate back.

Pure: numbers in, decisions out. The rule of the guard is explained in docs/decisions/0011.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Self

BASE: Final = "base"
CANDIDATE: Final = "candidate"
CANARY: Final = "canary"
SHADOW: Final = "shadow"
PROMOTED: Final = "promoted"
REVERTED: Final = "reverted"
STOPPED: Final = "stopped"
# Why a version answers, where it is not simply the live one.
SESSION: Final = "session"

MOST_PERCENT: Final = 90
MOST_EXTRA: Final = 50  # points
MOST_SLOWER: Final = 100
MOST_RUNS: Final = 10_000
# The guard acts when the runs are this many times likelier under “worse than allowed” than under “as allowed”.
ODDS: Final = 1_000
# Microseconds nobody notices: a run that is no longer than this is never slow.
UNNOTICED: Final = 100_000

_PLACES: Final = 10_000
_WORSE: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
# Buckets of run times: four to a doubling, so that a percentile is right within a fifth.
_FINE: Final = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """What a connection's brain has to offer: its live version and, in a canary, the candidate."""

    brain_id: int | None = None
    live: int | None = None
    candidate: int | None = None
    percent: int = 0
    rollout_id: int | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Pin:
    """The version a chat's conversation began with, until a moment (ms)."""

    version_id: int | None = None
    brain_id: int | None = None
    epoch: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """Which version answers, and why: `why` is empty for the live one; `arm` is empty where nothing is compared."""

    version_id: int | None = None
    why: str = ""
    arm: str = ""
    rollout_id: int | None = None
    epoch: int = 0


def place(rollout_id: int, chat_id: int) -> int:
    """Return where a chat stands in a rollout, in basis points: the same in every process, and for good."""
    digest = blake2b(f"{rollout_id}:{chat_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _PLACES


def course(offer: Offer, pin: Pin, chat_id: int, now: int) -> Course:
    """Choose the version for a message of a chat; `now` in ms."""
    if offer.live is None:
        return Course()
    if pin.until > now and (pin.brain_id, pin.epoch) == (offer.brain_id, offer.epoch):
        began = pin.version_id != offer.live
        arm = "" if began or offer.rollout_id is None else BASE
        return Course(pin.version_id, SESSION if began else "", arm, offer.rollout_id, offer.epoch)
    if offer.rollout_id is None:
        return Course(offer.live, epoch=offer.epoch)
    if offer.candidate is not None and place(offer.rollout_id, chat_id) < offer.percent * 100:
        return Course(offer.candidate, CANDIDATE, CANDIDATE, offer.rollout_id, offer.epoch)
    return Course(offer.live, "", BASE, offer.rollout_id, offer.epoch)


@dataclass(slots=True)
class Arm:
    """What the runs of one version add up to; `times` counts runs by the bucket of their microseconds."""

    runs: int = 0
    failed: int = 0
    chats: int = 0
    times: dict[int, int] = field(default_factory=dict)

    def add(self, *, failed: bool, micros: int) -> None:
        """Count one run."""
        bucket = _bucket(micros)
        self.runs += 1
        self.failed += failed
        self.times[bucket] = self.times.get(bucket, 0) + 1

    @property
    def failing(self) -> float:
        """The part of the runs that failed, 0 to 1."""
        return self.failed / self.runs if self.runs else 0.0

    def percentile(self, percent: int) -> int:
        """Return what so many of a hundred runs stay under, in microseconds; 0 when there were none."""
        rank, passed = self.runs * percent / 100, 0
        for bucket in sorted(self.times):
            passed += self.times[bucket]
            if passed >= rank:
                return round(2 ** ((bucket + 1) / _FINE))
        return 0

    def over(self, micros: int) -> int:
        """Count the runs that took longer."""
        return sum(count for bucket, count in self.times.items() if bucket > _bucket(micros))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read an arm from JSON data."""
        times = {int(bucket): int(count) for bucket, count in data.get("times", {}).items()}
        return cls(data.get("runs", 0), data.get("failed", 0), data.get("chats", 0), times)

    def data(self) -> dict[str, Any]:
        """Write it as JSON data."""
        return {"runs": self.runs, "failed": self.failed, "chats": self.chats, "times": self.times}


@dataclass(slots=True)
class Tally:
    """The two arms beside each other and, for a candidate that answers nobody, how its answers compare, by kind."""

    base: Arm = field(default_factory=Arm)
    candidate: Arm = field(default_factory=Arm)
    kinds: dict[str, int] = field(default_factory=dict)

    def arm(self, name: str) -> Arm:
        """Return the arm of this name."""
        return self.candidate if name == CANDIDATE else self.base

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read a tally from JSON data; what is missing is nought."""
        return cls(Arm.of(data.get(BASE, {})), Arm.of(data.get(CANDIDATE, {})), dict(data.get("kinds", {})))

    def data(self) -> dict[str, Any]:
        """Write it as JSON data."""
        return {BASE: self.base.data(), CANDIDATE: self.candidate.data(), "kinds": self.kinds}


@dataclass(frozen=True, slots=True)
class Guard:
    """When a candidate is taken back.

    It may fail `extra_failures` points more often than the base, and be `slower` times as slow (0 = any); nothing is
    judged before `min_runs` of its runs.
    """

    extra_failures: int = 2
    slower: int = 3
    min_runs: int = 20

    def verdict(self, tally: Tally) -> str:
        """Say why the candidate is to be taken back; empty while nothing speaks against it."""
        ours, theirs = tally.candidate, tally.base
        if ours.runs < self.min_runs:
            return ""
        allowed = ceiling(theirs.failed, theirs.runs) + self.extra_failures / 100
        if evidence(ours.failed, ours.runs, allowed) > math.log(ODDS):
            return (
                f"{ours.failed:,} of {ours.runs:,} runs failed ({ours.failing:.0%}); "
                f"before, {theirs.failed:,} of {theirs.runs:,} did ({theirs.failing:.0%})."
            )
        return self._too_slow(ours, theirs)

    def _too_slow(self, ours: Arm, theirs: Arm) -> str:
        if not self.slower or theirs.runs < self.min_runs:
            return ""
        limit = max(theirs.percentile(95) * self.slower, UNNOTICED)
        slow = ours.over(limit)
        if evidence(slow, ours.runs, ceiling(theirs.over(limit), theirs.runs) + 0.05) <= math.log(ODDS):
            return ""
        return (
            f"{slow:,} of {ours.runs:,} runs took longer than {limit / 1000:,.0f} ms; "
            f"before, 95 of 100 stayed under {theirs.percentile(95) / 1000:,.1f} ms."
        )


def ceiling(bad: int, runs: int) -> float:
    """Return a rate that the true one hardly exceeds: the measured one, smoothed, and a standard error."""
    rate = (bad + 1) / (runs + 2)
    return rate + math.sqrt(rate * (1 - rate) / max(runs, 1))


def evidence(bad: int, runs: int, allowed: float) -> float:
    """Return by how much (logarithm of the odds) `bad` of `runs` speak for a higher rate than `allowed`.

    The mean likelihood ratio over several higher rates. Looked at after every run it passes ODDS by chance at most
    once in ODDS rollouts, however long they last (Ville's inequality).
    """
    if not 0 < allowed < 1:
        return -math.inf
    logs = [
        bad * math.log(rate / allowed) + (runs - bad) * math.log((1 - rate) / (1 - allowed))
        for rate in (allowed + (1 - allowed) * step for step in _WORSE)
    ]
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs) / len(logs))


def _bucket(micros: int) -> int:
    return math.floor(math.log2(max(micros, 1)) * _FINE)
