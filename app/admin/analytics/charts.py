"""Chart definitions: which metrics each chart of the analytics shows, as chart data and as a table."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from app.admin.analytics.axis import build_axis
from app.admin.ui import number_format
from app.admin.ui.number_format import Unit
from app.analytics.reports import MetricSummary, Report, Scope
from app.bot.failures.causes import classify_failure
from app.immutable import immutable

# More classes of errors than this are one: more colours cannot be told apart.
MAX_CLASSES: Final = 5
OTHERS: Final = "All others"
# What goes wrong in runs (app.brains.sandbox.types.SandboxError.kind), in an operator's words.
_RUN_ERRORS: Final = {
    "time": "Command took too long",
    "memory": "Command used too much memory",
    "limit": "Command went over a limit",
    "call": "External request of a command failed",
    "crash": "Sandbox crashed",
    "sandbox": "Sandbox did not start",
}

Number = Callable[[MetricSummary], float | None]


@immutable
class Series:
    """One number over time; `colour` is a place in the palette of analytics.css."""

    label: str
    number: Number
    colour: int


@immutable
class Chart:
    """Numbers that belong together; `stacked`: their sum means something."""

    id: str
    title: str
    unit: Unit
    series: Sequence[Series]
    hint: str = ""
    stacked: bool = False


def build_count(*metrics: str) -> Number:
    """Return the sum of counts as a number."""
    return lambda numbers: sum(numbers.count(metric) for metric in metrics)


def _percentiles(of: Callable[[MetricSummary, float], float | None]) -> tuple[Series, ...]:
    def line(n: int, part: float) -> Series:
        return Series(f"p{100 * part:.0f}", lambda numbers: of(numbers, part), n)

    return tuple(line(n, part) for n, part in ((1, 0.5), (2, 0.95), (5, 0.99)))


def compute_run_ms(numbers: MetricSummary, part: float) -> float | None:
    """Return the time (ms) within which this part of the runs was over."""
    micros = numbers.compute_run_micros(part)
    return None if micros is None else micros / 1000


_SENT: Final = Series("Sent", build_count("sent"), 1)
_MESSAGES: Final = Chart(
    "messages",
    "Messages",
    "count",
    (Series("Received", build_count("received"), 2), _SENT),
    "received and sent",
)
_ANSWERS: Final = Chart("messages", "Messages sent", "count", (_SENT,), "accepted for delivery")
_RUNS: Final = Chart(
    "runs",
    "Runs",
    "count",
    (
        Series("Answered", build_count("run_answered"), 1),
        Series("No reply", build_count("run_silent"), 6),
        Series("Failed", build_count("run_failed"), 3),
    ),
    "runs of a brain, by outcome",
    stacked=True,
)
_RESPONSE: Final = Chart(
    "response",
    "Response time",
    "ms",
    _percentiles(MetricSummary.compute_response_ms),
    "from a message stored to its first answer accepted for delivery",
)
_RUN_TIME: Final = Chart("run_time", "Run time", "ms", _percentiles(compute_run_ms), "of the command itself")
_RATES: Final = Chart(
    "rates",
    "Delivered and read",
    "rate",
    (
        Series("Delivered", lambda numbers: numbers.delivery_rate, 1),
        Series("Read", lambda numbers: numbers.read_rate, 2),
    ),
    "of the messages sent in each step",
)
_TOKENS: Final = Chart(
    "tokens",
    "AI tokens",
    "count",
    (Series("Input", build_count("tokens_in"), 4), Series("Output", build_count("tokens_out"), 1)),
    "input and output tokens of language models",
    stacked=True,
)


def has_ai_metrics(scope: Scope) -> bool:
    """Tell whether AI calls are counted for these numbers: for all, or for a brain (docs/analytics.md: whose)."""
    return scope.connection_id is None and scope.version_id is None and scope.command_id is None


def select_charts(scope: Scope, total: MetricSummary) -> list[Chart]:
    """Return the charts that can say something of these numbers (docs/analytics.md: whose)."""
    errors = _build_errors_chart(total)
    if scope.command_id is not None:
        return [_RUNS, _RUN_TIME, _ANSWERS, _RESPONSE, _RATES, errors]
    first = _MESSAGES if scope.brain_id is None else _ANSWERS
    asked = [_TOKENS, _build_cost_chart(total)] if has_ai_metrics(scope) else []
    return [first, _RUNS, _RESPONSE, _RATES, errors, *asked]


def _build_errors_chart(total: MetricSummary) -> Chart:
    kept = list(count_by_class(total))[:MAX_CLASSES]
    lines = [Series(name, partial(_count_class, name), n) for n, name in enumerate(kept, start=1)]
    if len(count_by_class(total)) > MAX_CLASSES:
        lines.append(Series(OTHERS, lambda numbers: _count_others(kept, numbers), 6))
    hint = "failed messages and runs, by class"
    return Chart("errors", "Errors", "count", lines, hint, stacked=True)


def _build_cost_chart(total: MetricSummary) -> Chart:
    lines = [
        Series(code, partial(_get_cost, code), n % 6 + 1)
        for n, code in enumerate(total.count_by_label("cost"))
    ]
    return Chart("cost", "AI cost", "money", lines, "estimated for models with a price, by currency")


def _get_cost(code: str, numbers: MetricSummary) -> int:
    return numbers.count_by_label("cost").get(code, 0)


def count_by_class(numbers: MetricSummary) -> dict[str, int]:
    """Return how often each class of error happened, the most frequent first."""
    found: dict[str, int] = {}
    for metric in ("failed", "dead", "dropped"):
        for code, n in numbers.count_by_label(metric).items():
            _add(found, classify_failure("dead" if metric == "dropped" else metric, code).title, n)
    for kind, n in numbers.count_by_label("run_failed").items():
        _add(found, _RUN_ERRORS.get(kind, "Error in a command"), n)
    for n in numbers.count_by_label("ai_failed").values():
        _add(found, "AI did not answer", n)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _add(found: dict[str, int], name: str, n: int) -> None:
    found[name] = found.get(name, 0) + n


def _count_class(name: str, numbers: MetricSummary) -> int:
    return count_by_class(numbers).get(name, 0)


def _count_others(kept: Sequence[str], numbers: MetricSummary) -> int:
    return sum(n for name, n in count_by_class(numbers).items() if name not in kept)


def build_data(chart: Chart, report: Report, before: Report | None) -> dict[str, Any]:
    """Return a chart as data: its axis, and its lines with value and text for each step, also of the period before."""
    lines = [_build_line(chart, line, report, before) for line in chart.series]
    return {
        "id": chart.id,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "axis": build_axis(chart.unit, _list_heights(chart, lines)),
        "lines": lines,
    }


def _build_line(chart: Chart, line: Series, report: Report, before: Report | None) -> dict[str, Any]:
    values = _read_values(chart, line, report)
    earlier = _read_values(chart, line, before) if before else None
    return {
        "label": line.label,
        "colour": line.colour,
        "values": values,
        "texts": _format_texts(chart, values),
        "before": earlier,
        "before_texts": _format_texts(chart, [*earlier, *[None] * len(values)][: len(values)])
        if earlier
        else None,
    }


def _list_heights(chart: Chart, lines: Sequence[dict[str, Any]]) -> list[float | None]:
    """Return every value that is drawn; of stacked lines their sums."""
    rows = [[line[which] for line in lines] for which in ("values", "before") if lines and lines[0][which]]
    if chart.stacked:
        return [sum(value or 0 for value in step) for row in rows for step in zip(*row, strict=True)]
    return [value for row in rows for column in row for value in column]


def _format_texts(chart: Chart, values: Sequence[float | None]) -> list[str]:
    return [number_format.format_rounded(chart.unit, value) for value in values]


def _read_values(chart: Chart, line: Series, report: Report) -> list[float | None]:
    return [number_format.round_value(chart.unit, line.number(point)) for point in report.points]
