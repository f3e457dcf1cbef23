"""What the tests of drafts said, kept for as long as a draft stays as it is."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app

from app.bot import bot
from app.brains.models import Brain
from app.brains.testing import GREEN, CaseResult, Suite, failing, run_tests
from app.web import house

_KEPT: Final = 100  # drafts
# A page that somebody waits for runs tests no longer than this; the rest is skipped, and said so.
_MILLIS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests of one draft said."""

    results: Sequence[CaseResult] = ()

    @property
    def wrong(self) -> Sequence[CaseResult]:
        """The tests that are not green."""
        return failing(self.results)

    def of(self, name: str) -> CaseResult | None:
        """Return the result of a test; None when there is none of this name."""
        return next((result for result in self.results if result.name == name), None)


class Verdicts:
    """Keeps the verdicts of the drafts last looked at; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Verdict] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> Verdict | None:
        """Return the verdict on a draft at an edit count; None when its tests have not run."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: tuple[int, int], verdict: Verdict) -> Verdict:
        """Keep a verdict and return it."""
        with self._lock:
            self._kept[key] = verdict
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return verdict


def init_app(app: Flask) -> None:
    """Keep verdicts for this app."""
    app.extensions["verdicts"] = Verdicts()
    app.jinja_env.globals["verdict_of"] = known


def known(brain: Brain) -> Verdict | None:
    """Return what the tests of the present draft said; None when they have not run yet."""
    return _verdicts().get((brain.id, brain.draft_rev))


def judge(brain: Brain) -> Verdict:
    """Return what the tests of the present draft say, running them only when they have not."""
    return known(brain) or run_again(brain)


def run_again(brain: Brain, only: str = "") -> Verdict:
    """Run the tests of the present draft, or one of them; nothing is sent."""
    clock = house().clock
    until = clock() + _MILLIS
    suite = Suite(brain.draft, brain.id, {only} if only else None)
    fresh = list(run_tests(suite, bot().sandbox, lambda: clock() < until))
    before = known(brain)
    if only and before and fresh:
        fresh = [fresh[0] if result.name == only else result for result in before.results]
    elif only and not before:
        return Verdict(fresh)
    return _verdicts().put((brain.id, brain.draft_rev), Verdict(fresh))


def tone(result: CaseResult | None) -> tuple[str, str, str]:
    """Return colour, icon and word of a result."""
    if result is None:
        return "quiet", "clock", "not run yet"
    if result.status == GREEN:
        return "good", "circle-check", "green"
    return "bad", "circle-x", result.status


def _verdicts() -> Verdicts:
    return current_app.extensions["verdicts"]
