"""All that a page of analytics shows, read at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.admin import charts, command_form, figures
from app.admin.periods import Asked
from app.bot import faults
from app.brains import versions
from app.brains.models import Brain, BrainVersion
from app.realtime import statistics
from app.realtime.ranges import DAY, Range
from app.realtime.statistics import CommandLine, Numbers, Report, Scope

TOP: Final = 12
# As many versions are compared as fit a page.
COMPARED: Final = 8
# How a step is written below a chart, and in full; "%-d" is a day without a nought.
_WORDS: Final = {
    "minute": ("%H:%M", "%-d %b %H:%M"),
    "5 minutes": ("%H:%M", "%-d %b %H:%M"),
    "hour": ("%-d %b %H:%M", "%a %-d %b %H:%M"),
    "day": ("%-d %b", "%a %-d %b %Y"),
    "week": ("%-d %b", "Week of %-d %b %Y"),
    "month": ("%b %Y", "%B %Y"),
}


@dataclass(frozen=True, slots=True)
class Used:
    """A command in the list of those used most; `name` is empty when it is no longer in the draft."""

    brain: Brain
    name: str
    line: CommandLine


@dataclass(frozen=True, slots=True)
class Tried:
    """What a command came to in one version of its brain."""

    version: BrainVersion
    numbers: Numbers
    live: bool


def gather(session: Any, asked: Asked, now: int) -> dict[str, Any]:
    """Return what the templates of a page of analytics use."""
    report = statistics.report(session, asked.range, asked.scope)
    before = statistics.report(session, asked.range.before(), asked.scope) if asked.compare else None
    minute = Range(now, now + 1, asked.range.zone, "minute")
    here = Scope(connection_id=asked.scope.connection_id)
    return {
        "asked": asked,
        "now": now,
        "period": _from_to(asked.range),
        "step": asked.range.step,
        "labels": labels(asked.range),
        "ticks": [_said(asked.range, at, 0) for at in asked.range.starts],
        "figures": figures.shown(asked.scope, report.total, before.total if before else None),
        "charts": _charts(asked.scope, report, before),
        "quiet": not any(report.total.tally.counts.values()),
        "present": statistics.present(session, now),
        "minute": statistics.total(session, minute, here),
        **(_of_command(session, asked) if asked.scope.command_id else {"used": _used(session, asked)}),
    }


def _charts(scope: Scope, report: Report, before: Report | None) -> list[tuple[charts.Chart, dict[str, Any]]]:
    found = charts.chosen(scope, report.total)
    return [(chart, charts.drawn(chart, report, before)) for chart in found]


def brains_of(session: Any, scope: Scope) -> Sequence[Brain]:
    """Return the brains whose commands are asked for."""
    if scope.brain_id is None:
        return versions.list_brains(session)
    return [versions.get_brain(session, scope.brain_id)]


def names_of(brain: Brain) -> dict[str, str]:
    """Return the names of the commands in a brain's draft, by their ids."""
    return command_form.names_of(brain.draft.get("commands", []))


def _used(session: Any, asked: Asked) -> list[Used]:
    found = []
    for brain in brains_of(session, asked.scope):
        scope = replace(asked.scope, brain_id=brain.id)
        lines = statistics.commands(session, asked.range, scope, TOP)
        names = names_of(brain) if lines else {}
        found += [Used(brain, names.get(line.command_id, ""), line) for line in lines]
    return sorted(found, key=lambda used: -used.line.numbers.runs)[:TOP]


def _of_command(session: Any, asked: Asked) -> dict[str, Any]:
    """Return what only the page of a command shows: its last run, its open errors, its versions beside each other."""
    brain, command_id = asked.brain, asked.scope.command_id
    assert brain is not None  # noqa: S101  a command is read with its brain
    every = statistics.commands(session, asked.range, replace(asked.scope, version_id=None))
    line = next((each for each in every if each.command_id == command_id), None)
    return {
        "line": line,
        "faults": [each for each in faults.list_faults(session, brain.id) if each.command_id == command_id],
        "tried": _tried(session, asked, brain),
        "numbers": {each.id: each.number for each in versions.versions(session, brain.id)},
    }


def _tried(session: Any, asked: Asked, brain: Brain) -> list[Tried]:
    """Compare the newest versions in which the command ran."""
    found = []
    for version in versions.versions(session, brain.id):
        numbers = statistics.total(session, asked.range, replace(asked.scope, version_id=version.id))
        if numbers.runs or numbers.count("created"):
            found.append(Tried(version, numbers, version.id == brain.live_version_id))
        if len(found) == COMPARED:
            break
    return found


def labels(range_: Range) -> list[str]:
    """Return each step in full, in the range's zone; with the zone's name where clocks are changed within it."""
    said = [_said(range_, at, 1) for at in range_.starts]
    if len(set(said)) == len(said):
        return said
    zone = ZoneInfo(range_.zone)
    return [f"{word} {_at(at, zone):%Z}" for word, at in zip(said, range_.starts, strict=True)]


def _said(range_: Range, at: int, full: int) -> str:
    form = _WORDS[range_.step][full]
    if range_.step == "hour" and not full and range_.until - range_.since <= DAY:
        form = "%H:%M"
    return _at(at, ZoneInfo(range_.zone)).strftime(form)


def _from_to(range_: Range) -> str:
    zone = ZoneInfo(range_.zone)
    first, last = _at(range_.edges[0], zone), _at(range_.until - 1, zone)
    if range_.until - range_.since <= 2 * DAY:
        return f"{first:%-d %b %H:%M} to {last:%-d %b %H:%M}"
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}"


def _at(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms // 1000, zone)
