"""The charts of the analytics: which numbers each shows, as the browser draws them and as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.admin import amounts
from app.admin.amounts import Unit
from app.bot.causes import cause_of
from app.realtime.statistics import Numbers, Report, Scope

# More classes of errors than this are one: more colours cannot be told apart.
CLASSES: Final = 5
OTHERS: Final = "All others"
# What goes wrong in runs (app.brains.sandbox.wire.Fault.kind), in an operator's words.
_FAULTS: Final = {
    "time": "Command took too long",
    "memory": "Command used too much memory",
    "limit": "Command went over a limit",
    "call": "Call of a command failed",
    "crash": "Sandbox broke off",
    "sandbox": "Sandbox did not begin",
}

Number = Callable[[Numbers], float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One number over time; `colour` is a place in the palette of analytics.css."""

    label: str
    number: Number
    colour: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers that belong together; `stacked`: their sum means something."""

    id: str
    title: str
    unit: Unit
    lines: Sequence[Line]
    hint: str = ""
    stacked: bool = False


def counted(*metrics: str) -> Number:
    """Return the sum of counts as a number."""
    return lambda numbers: sum(numbers.count(metric) for metric in metrics)


def _percentiles(of: Callable[[Numbers, float], float | None]) -> tuple[Line, ...]:
    def line(n: int, part: float) -> Line:
        return Line(f"p{100 * part:.0f}", lambda numbers: of(numbers, part), n)

    return tuple(line(n, part) for n, part in ((1, 0.5), (2, 0.95), (5, 0.99)))


def run_ms(numbers: Numbers, part: float) -> float | None:
    """Return the time (ms) within which this part of the runs was over."""
    micros = numbers.run_micros(part)
    return None if micros is None else micros / 1000


_SENT: Final = Line("Sent", counted("sent"), 1)
_MESSAGES: Final = Chart(
    "messages", "Messages", "count", (Line("Received", counted("received"), 2), _SENT), "received and sent"
)
_ANSWERS: Final = Chart("messages", "Messages sent", "count", (_SENT,), "taken by WhatsApp")
_RUNS: Final = Chart(
    "runs",
    "Runs",
    "count",
    (
        Line("Answered", counted("run_answered"), 1),
        Line("Nothing to say", counted("run_silent"), 6),
        Line("Failed", counted("run_failed"), 3),
    ),
    "how often a brain was asked, and what came of it",
    stacked=True,
)
_RESPONSE: Final = Chart(
    "response",
    "Response time",
    "ms",
    _percentiles(Numbers.response_ms),
    "from a message stored to its first answer taken by WhatsApp",
)
_RUN_TIME: Final = Chart("run_time", "Run time", "ms", _percentiles(run_ms), "of the command itself")
_RATES: Final = Chart(
    "rates",
    "Delivered and read",
    "rate",
    (
        Line("Delivered", lambda numbers: numbers.delivery_rate, 1),
        Line("Read", lambda numbers: numbers.read_rate, 2),
    ),
    "of the messages sent in each step",
)
_TOKENS: Final = Chart(
    "tokens",
    "AI tokens",
    "count",
    (Line("Asked", counted("tokens_in"), 4), Line("Answered", counted("tokens_out"), 1)),
    "questions to language models and their answers",
    stacked=True,
)


def tells_ai(scope: Scope) -> bool:
    """Tell whether AI calls are counted for these numbers: for all, or for a brain (docs/analytics.md: whose)."""
    return scope.connection_id is None and scope.version_id is None and scope.command_id is None


def chosen(scope: Scope, total: Numbers) -> list[Chart]:
    """Return the charts that can say something of these numbers (docs/analytics.md: whose)."""
    errors = _errors(total)
    if scope.command_id is not None:
        return [_RUNS, _RUN_TIME, _ANSWERS, _RESPONSE, _RATES, errors]
    first = _MESSAGES if scope.brain_id is None else _ANSWERS
    asked = [_TOKENS, _cost(total)] if tells_ai(scope) else []
    return [first, _RUNS, _RESPONSE, _RATES, errors, *asked]


def _errors(total: Numbers) -> Chart:
    kept = list(classes(total))[:CLASSES]
    lines = [Line(name, partial(_of_class, name), n) for n, name in enumerate(kept, start=1)]
    if len(classes(total)) > CLASSES:
        lines.append(Line(OTHERS, lambda numbers: _of_others(kept, numbers), 6))
    hint = "failed messages and runs, by class"
    return Chart("errors", "Errors", "count", lines, hint, stacked=True)


def _cost(total: Numbers) -> Chart:
    lines = [
        Line(code, partial(_in_currency, code), n % 6 + 1) for n, code in enumerate(total.by_label("cost"))
    ]
    return Chart("cost", "AI cost", "money", lines, "of models whose price is known, by currency")


def _in_currency(code: str, numbers: Numbers) -> int:
    return numbers.by_label("cost").get(code, 0)


def classes(numbers: Numbers) -> dict[str, int]:
    """Return how often each class of error happened, the most frequent first."""
    found: dict[str, int] = {}
    for metric in ("failed", "dead", "dropped"):
        for code, n in numbers.by_label(metric).items():
            _add(found, cause_of("dead" if metric == "dropped" else metric, code).title, n)
    for kind, n in numbers.by_label("run_failed").items():
        _add(found, _FAULTS.get(kind, "Error in a command"), n)
    for n in numbers.by_label("ai_failed").values():
        _add(found, "AI did not answer", n)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _add(found: dict[str, int], name: str, n: int) -> None:
    found[name] = found.get(name, 0) + n


def _of_class(name: str, numbers: Numbers) -> int:
    return classes(numbers).get(name, 0)


def _of_others(kept: Sequence[str], numbers: Numbers) -> int:
    return sum(n for name, n in classes(numbers).items() if name not in kept)


def drawn(chart: Chart, report: Report, before: Report | None) -> dict[str, Any]:
    """Return a chart as data: its lines with a value for each step, and those of the period before."""
    return {
        "id": chart.id,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "lines": [
            {
                "label": line.label,
                "colour": line.colour,
                "values": _values(chart, line, report),
                "before": _values(chart, line, before) if before else None,
            }
            for line in chart.lines
        ],
    }


def _values(chart: Chart, line: Line, report: Report) -> list[float | None]:
    return [amounts.rounded(chart.unit, line.number(point)) for point in report.points]
