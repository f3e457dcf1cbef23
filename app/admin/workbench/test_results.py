"""Cache of test results by draft, test run time limit, words of a result."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from flask import Flask

from app.brains.testing import GREEN, RED, CaseResult, Suite, list_failing, run_tests
from app.brains.versions.intent_models import use_stored_model
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.services import services
from app.web import db

_MAX_CACHED: Final = 100  # drafts
# A page that somebody waits for runs tests no longer than this; the rest is skipped, and said so.
_RUN_TIMEOUT_MS: Final = 20_000


@immutable
class SuiteResult:
    """Results of the tests of one draft."""

    results: Sequence[CaseResult] = ()

    @property
    def failing_results(self) -> Sequence[CaseResult]:
        """The tests that did not pass."""
        return list_failing(self.results)

    def find(self, name: str) -> CaseResult | None:
        """Return the result of a test; None when there is none of this name."""
        return next((result for result in self.results if result.name == name), None)


class SuiteResultCache:
    """Keeps the verdicts of the drafts last looked at; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], SuiteResult] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> SuiteResult | None:
        """Return the results of a draft at an edit count; None when its tests have not run."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: tuple[int, int], suite: SuiteResult) -> SuiteResult:
        """Keep results and return them."""
        with self._lock:
            self._kept[key] = suite
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_CACHED:
                self._kept.popitem(last=False)
        return suite


def init_app(app: Flask) -> None:
    """Let templates look up the results of the present draft."""
    app.jinja_env.globals["get_test_results"] = get_cached


def get_cached(brain: Brain) -> SuiteResult | None:
    """Return the results of the present draft; None when its tests have not run yet."""
    return _get_cache().get((brain.id, brain.draft_rev))


def get_or_run(brain: Brain) -> SuiteResult:
    """Return the results of the present draft; runs its tests only when they have not run."""
    return get_cached(brain) or run(brain)


def run(brain: Brain, only: str = "") -> SuiteResult:
    """Run the tests of the present draft, or one of them; nothing is sent."""
    use_stored_model(db.session(), brain)
    clock = services().clock
    until = clock() + _RUN_TIMEOUT_MS
    suite = Suite(brain.draft, brain.id, {only} if only else None)
    fresh = list(run_tests(suite, services().sandbox, lambda: clock() < until))
    before = get_cached(brain)
    if only and before and fresh:
        fresh = [fresh[0] if result.name == only else result for result in before.results]
    elif only and not before:
        return SuiteResult(fresh)
    return _get_cache().put((brain.id, brain.draft_rev), SuiteResult(fresh))


def get_result_display(result: CaseResult | None) -> tuple[str, str, str]:
    """Return colour, icon and word of a result."""
    if result is None:
        return "quiet", "clock", "not run yet"
    if result.status == GREEN:
        return "good", "circle-check", "passed"
    return "bad", "circle-x", "failed" if result.status == RED else result.status


def _get_cache() -> SuiteResultCache:
    return services().get(SuiteResultCache)
