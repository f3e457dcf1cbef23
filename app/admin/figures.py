"""The figures on top of the analytics, each with what it was in the period before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import url_for

from app.admin import amounts
from app.admin.amounts import Change, Unit
from app.admin.charts import Number, classes, counted, run_ms, tells_ai
from app.realtime.statistics import Numbers, Scope


@dataclass(frozen=True, slots=True)
class Kind:
    """A figure; `better`: 1 when more is better, -1 when less is, 0 when neither; `place`: the page behind it."""

    id: str
    word: str
    unit: Unit
    number: Number
    better: int = 0
    hint: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is shown."""

    id: str
    word: str
    value: str
    hint: str
    change: Change | None
    href: str


_RECEIVED: Final = Kind("received", "Received", "count", counted("received"), hint="messages")
_RUNS: Final = Kind("runs", "Runs", "count", lambda numbers: numbers.runs, hint="times asked")
_RUN_95: Final = Kind(
    "run_p95", "Run time p95", "ms", lambda numbers: run_ms(numbers, 0.95), -1, "inside the brain"
)
_TO_ANSWER: Final = "message to answer"
_COMMON: Final = (
    Kind("sent", "Sent", "count", counted("sent"), hint="messages"),
    Kind("answered", "Answered", "rate", lambda numbers: numbers.answer_rate, 1, "of runs"),
    Kind("p50", "Response p50", "ms", lambda numbers: numbers.response_ms(0.5), -1, _TO_ANSWER),
    Kind("p95", "Response p95", "ms", lambda numbers: numbers.response_ms(0.95), -1, _TO_ANSWER),
    Kind("p99", "Response p99", "ms", lambda numbers: numbers.response_ms(0.99), -1, _TO_ANSWER),
    Kind("delivered", "Delivered", "rate", lambda numbers: numbers.delivery_rate, 1, "of settled"),
    Kind("read", "Read", "rate", lambda numbers: numbers.read_rate, 1, "of delivered"),
    Kind("failed", "Failed", "count", counted("failed", "dead"), -1, "messages", "failures.desk"),
    Kind("errors", "Errors", "count", lambda numbers: sum(classes(numbers).values()), -1, "of all kinds"),
)
_TOKENS: Final = Kind("tokens", "AI tokens", "count", counted("tokens_in", "tokens_out"))
_NO_PRICES: Final = "No prices known: Settings > AI"


def kinds(scope: Scope) -> Sequence[Kind]:
    """Return the figures that can be told of these numbers."""
    if scope.command_id is not None:
        return (_RUNS, *_COMMON[:2], _RUN_95, *_COMMON[2:])
    first = _RECEIVED if scope.brain_id is None else _RUNS
    return (first, *_COMMON)


def shown(scope: Scope, now: Numbers, before: Numbers | None) -> list[Figure]:
    """Return the figures in words."""
    found = [_figure(kind, now, before) for kind in kinds(scope)]
    return [*found, _tokens(now, before), _cost(now, before)] if tells_ai(scope) else found


def _figure(kind: Kind, now: Numbers, before: Numbers | None) -> Figure:
    value = kind.number(now)
    differs = amounts.change(kind.unit, value, kind.number(before), kind.better) if before else None
    href = url_for(kind.place) if kind.place else ""
    return Figure(kind.id, kind.word, amounts.words(kind.unit, value), kind.hint, differs, href)


def _tokens(now: Numbers, before: Numbers | None) -> Figure:
    asked = now.count("ai_calls")
    hint = "in 1 question" if asked == 1 else f"in {asked:,} questions"
    return replace(_figure(_TOKENS, now, before), hint=hint)


def _cost(now: Numbers, before: Numbers | None) -> Figure:
    sums, earlier = now.by_label("cost"), before.by_label("cost") if before else {}
    unpriced = not sums and _TOKENS.number(now)
    hint = _NO_PRICES if unpriced else "by known prices"
    return Figure("cost", "AI cost", amounts.spent(sums), hint, _dearer(sums, earlier), "")


def _dearer(sums: Mapping[str, int], earlier: Mapping[str, int]) -> Change | None:
    """Compare what one currency came to; sums of several cannot be compared."""
    if len(sums) != 1 or sums.keys() != earlier.keys():
        return None
    differs = amounts.change("money", sum(sums.values()), sum(earlier.values()))
    return differs and replace(differs, hint=f"{amounts.spent(earlier)} in the period before")
