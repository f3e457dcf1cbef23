"""Key figures (KPIs) at the top of the analytics: which there are, their units, change to the previous period."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from flask import url_for

from app.admin.analytics.charts import Number, build_count, compute_run_ms, count_by_class, has_ai_metrics
from app.admin.ui import number_format
from app.admin.ui.number_format import Change, Unit
from app.analytics.reports import MetricSummary, Scope
from app.immutable import immutable


@immutable
class KpiDefinition:
    """A figure; `direction`: 1 when more is better, -1 when less is, 0 when neither; `endpoint`: the page behind it."""

    id: str
    word: str
    unit: Unit
    number: Number
    direction: int = 0
    hint: str = ""
    endpoint: str = ""


@immutable
class Kpi:
    """A figure as it is shown."""

    id: str
    word: str
    value: str
    hint: str
    change: Change | None
    href: str


_RECEIVED: Final = KpiDefinition("received", "Received", "count", build_count("received"), hint="messages")
_RUNS: Final = KpiDefinition("runs", "Runs", "count", lambda numbers: numbers.runs, hint="of a brain")
_RUN_95: Final = KpiDefinition(
    "run_p95", "Run time p95", "ms", lambda numbers: compute_run_ms(numbers, 0.95), -1, "inside the brain"
)
_TO_ANSWER: Final = "message to answer"
_COMMON: Final = (
    KpiDefinition("sent", "Sent", "count", build_count("sent"), hint="messages"),
    KpiDefinition("answered", "Answered", "rate", lambda numbers: numbers.answer_rate, 1, "of runs"),
    KpiDefinition(
        "p50", "Response p50", "ms", lambda numbers: numbers.compute_response_ms(0.5), -1, _TO_ANSWER
    ),
    KpiDefinition(
        "p95", "Response p95", "ms", lambda numbers: numbers.compute_response_ms(0.95), -1, _TO_ANSWER
    ),
    KpiDefinition(
        "p99", "Response p99", "ms", lambda numbers: numbers.compute_response_ms(0.99), -1, _TO_ANSWER
    ),
    KpiDefinition(
        "delivered",
        "Delivered",
        "rate",
        lambda numbers: numbers.delivery_rate,
        1,
        "of messages with a final status",
    ),
    KpiDefinition("read", "Read", "rate", lambda numbers: numbers.read_rate, 1, "of delivered"),
    KpiDefinition(
        "failed", "Failed", "count", build_count("failed", "dead"), -1, "messages", "failures.list_causes"
    ),
    KpiDefinition(
        "errors", "Errors", "count", lambda numbers: sum(count_by_class(numbers).values()), -1, "of all kinds"
    ),
)
_TOKENS: Final = KpiDefinition("tokens", "AI tokens", "count", build_count("tokens_in", "tokens_out"))
_NO_PRICES: Final = "No prices known: Settings > AI"


def select_kpis(scope: Scope) -> Sequence[KpiDefinition]:
    """Return the figures that can be told of these numbers."""
    if scope.command_id is not None:
        return (_RUNS, *_COMMON[:2], _RUN_95, *_COMMON[2:])
    first = _RECEIVED if scope.brain_id is None else _RUNS
    return (first, *_COMMON)


def build_kpis(scope: Scope, now: MetricSummary, before: MetricSummary | None) -> list[Kpi]:
    """Return the figures in words."""
    found = [_build_kpi(kind, now, before) for kind in select_kpis(scope)]
    return [*found, _tokens(now, before), _cost(now, before)] if has_ai_metrics(scope) else found


def _build_kpi(kind: KpiDefinition, now: MetricSummary, before: MetricSummary | None) -> Kpi:
    value = kind.number(now)
    differs = (
        number_format.compute_change(kind.unit, value, kind.number(before), kind.direction)
        if before
        else None
    )
    href = url_for(kind.endpoint) if kind.endpoint else ""
    return Kpi(kind.id, kind.word, number_format.format_value(kind.unit, value), kind.hint, differs, href)


def _tokens(now: MetricSummary, before: MetricSummary | None) -> Kpi:
    asked = now.count("ai_calls")
    hint = "in 1 request" if asked == 1 else f"in {asked:,} requests"
    return replace(_build_kpi(_TOKENS, now, before), hint=hint)


def _cost(now: MetricSummary, before: MetricSummary | None) -> Kpi:
    sums, earlier = now.count_by_label("cost"), before.count_by_label("cost") if before else {}
    unpriced = not sums and _TOKENS.number(now)
    hint = _NO_PRICES if unpriced else "estimated"
    return Kpi("cost", "AI cost", number_format.format_spend(sums), hint, _compare_cost(sums, earlier), "")


def _compare_cost(sums: Mapping[str, int], earlier: Mapping[str, int]) -> Change | None:
    """Compare what one currency came to; sums of several cannot be compared."""
    if len(sums) != 1 or sums.keys() != earlier.keys():
        return None
    differs = number_format.compute_change("money", sum(sums.values()), sum(earlier.values()))
    return differs and replace(differs, hint=f"{number_format.format_spend(earlier)} in the period before")
