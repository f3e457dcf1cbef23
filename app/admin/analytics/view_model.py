"""View model of an analytics page: report, charts, key figures and tables of commands and versions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.admin.analytics import charts, kpis
from app.admin.analytics.filters import AnalyticsFilters
from app.admin.workbench import command_view
from app.analytics import reports
from app.analytics.reports import CommandStats, MetricSummary, Report, Scope
from app.analytics.time_ranges import TimeRange
from app.bot import command_errors
from app.brains.versions import store
from app.brains.versions.models import Brain, BrainVersion
from app.clock import DAY_MS
from app.immutable import immutable

MAX_COMMANDS: Final = 12
# As many versions are compared as fit a page.
MAX_VERSIONS: Final = 8
# How a step is written below a chart, and in full; "%-d" is a day without a nought.
_TIME_FORMATS: Final = {
    "minute": ("%H:%M", "%-d %b %H:%M"),
    "5 minutes": ("%H:%M", "%-d %b %H:%M"),
    "hour": ("%-d %b %H:%M", "%a %-d %b %H:%M"),
    "day": ("%-d %b", "%a %-d %b %Y"),
    "week": ("%-d %b", "Week of %-d %b %Y"),
    "month": ("%b %Y", "%B %Y"),
}


@immutable
class CommandUsage:
    """A command in the list of those used most; `name` is empty when it is no longer in the draft."""

    brain: Brain
    name: str
    line: CommandStats


@immutable
class VersionNumbers:
    """What a command came to in one version of its brain."""

    version: BrainVersion
    numbers: MetricSummary
    live: bool


def build_view(session: Any, asked: AnalyticsFilters, now: int) -> dict[str, Any]:
    """Return what the templates of a page of analytics use."""
    report = reports.build_report(session, asked.range, asked.scope)
    before = reports.build_report(session, asked.range.get_previous(), asked.scope) if asked.compare else None
    minute = TimeRange(now, now + 1, asked.range.zone, "minute")
    here = Scope(connection_id=asked.scope.connection_id, excluded=asked.scope.excluded)
    return {
        "asked": asked,
        "now": now,
        "period": _format_range(asked.range),
        "step": asked.range.step,
        "labels": build_labels(asked.range),
        "ticks": [_format_step(asked.range, at, 0) for at in asked.range.starts],
        "figures": kpis.build_kpis(asked.scope, report.total, before.total if before else None),
        "charts": _charts(asked.scope, report, before),
        "quiet": not any(report.total.sums.counts.values()),
        "present": reports.get_pipeline_status(session, now),
        "minute": reports.compute_total(session, minute, here),
        **(
            _build_command_view(session, asked)
            if asked.scope.command_id
            else {"used": _list_usage(session, asked)}
        ),
    }


def _charts(scope: Scope, report: Report, before: Report | None) -> list[tuple[charts.Chart, dict[str, Any]]]:
    found = charts.select_charts(scope, report.total)
    return [(chart, charts.build_data(chart, report, before)) for chart in found]


def list_brains(session: Any, scope: Scope) -> Sequence[Brain]:
    """Return the brains whose commands are asked for."""
    if scope.brain_id is None:
        return store.list_brains(session)
    return [store.get_brain(session, scope.brain_id)]


def get_command_names(brain: Brain) -> dict[str, str]:
    """Return the names of the commands in a brain's draft, by their ids."""
    return command_view.get_names_by_id(brain.draft.get("commands", []))


def _list_usage(session: Any, asked: AnalyticsFilters) -> list[CommandUsage]:
    found = []
    for brain in list_brains(session, asked.scope):
        scope = replace(asked.scope, brain_id=brain.id)
        lines = reports.list_command_stats(session, asked.range, scope, MAX_COMMANDS)
        names = get_command_names(brain) if lines else {}
        found += [CommandUsage(brain, names.get(line.command_id, ""), line) for line in lines]
    return sorted(found, key=lambda used: -used.line.summary.runs)[:MAX_COMMANDS]


def _build_command_view(session: Any, asked: AnalyticsFilters) -> dict[str, Any]:
    """Return what only the page of a command shows: its last run, its open errors, its versions beside each other."""
    brain, command_id = asked.brain, asked.scope.command_id
    assert brain is not None  # noqa: S101  a command is read with its brain
    every = reports.list_command_stats(session, asked.range, replace(asked.scope, version_id=None))
    line = next((each for each in every if each.command_id == command_id), None)
    return {
        "line": line,
        "faults": [
            each for each in command_errors.list_errors(session, brain.id) if each.command_id == command_id
        ],
        "tried": _compare_versions(session, asked, brain),
        "numbers": {each.id: each.number for each in store.list_versions(session, brain.id)},
    }


def _compare_versions(session: Any, asked: AnalyticsFilters, brain: Brain) -> list[VersionNumbers]:
    """Compare the newest versions in which the command ran."""
    found = []
    for version in store.list_versions(session, brain.id):
        numbers = reports.compute_total(session, asked.range, replace(asked.scope, version_id=version.id))
        if numbers.runs or numbers.count("created"):
            found.append(VersionNumbers(version, numbers, version.id == brain.live_version_id))
        if len(found) == MAX_VERSIONS:
            break
    return found


def build_labels(range_: TimeRange) -> list[str]:
    """Return each step in full, in the range's zone; with the zone's name where clocks are changed within it."""
    labels = [_format_step(range_, at, 1) for at in range_.starts]
    if len(set(labels)) == len(labels):
        return labels
    zone = ZoneInfo(range_.zone)
    return [f"{word} {_to_datetime(at, zone):%Z}" for word, at in zip(labels, range_.starts, strict=True)]


def _format_step(range_: TimeRange, at: int, full: int) -> str:
    form = _TIME_FORMATS[range_.step][full]
    if range_.step == "hour" and not full and range_.until - range_.since <= DAY_MS:
        form = "%H:%M"
    return _to_datetime(at, ZoneInfo(range_.zone)).strftime(form)


def _format_range(range_: TimeRange) -> str:
    zone = ZoneInfo(range_.zone)
    first, last = _to_datetime(range_.edges[0], zone), _to_datetime(range_.until - 1, zone)
    if range_.until - range_.since <= 2 * DAY_MS:
        return f"{first:%-d %b %H:%M} to {last:%-d %b %H:%M}"
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}"


def _to_datetime(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms // 1000, zone)
