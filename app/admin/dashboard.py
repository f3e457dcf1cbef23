"""Dashboard page: today's figures, what needs attention, script isolation level, newest messages."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.brains import rollouts
from app.admin.ui import time_format
from app.admin.ui.pages import MenuItem, PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.analytics import reports
from app.analytics.reports import MetricSummary, Scope
from app.analytics.time_ranges import TimeRange, compute_midnight
from app.bot import command_errors, notices
from app.bot.connections import store as connections_store
from app.bot.health.dashboard import list_recent_messages, load_stats
from app.bot.models import Connection
from app.bot.simulator import list_simulator_ids
from app.brains.sandbox import IsolationLevel, Sandbox
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.channels.simulator.channel import SimulatorChannel
from app.clock import DAY_MS
from app.immutable import immutable
from app.services import services
from app.web import db

blueprint = PageBlueprint(
    "dashboard",
    __name__,
    targets=(
        Target(
            "show_board", "home", "Dashboard", ("home", "start", "health"), order=10, menu=MenuItem("g d")
        ),
    ),
)

RECENT_MS = 7 * DAY_MS
MAX_FAILING = 5


@blueprint.get("/dashboard")
@require_right(Right.READ_BRAINS)
def show_board() -> Response:
    """Show the board; htmx asks for the part that changes."""
    now = services().clock()
    session = db.session()
    brains, connections = store.list_brains(session), connections_store.list_connections(session)
    latest = list_recent_messages(session)
    return show(
        "dashboard/page.html",
        "live",
        greeting=time_format.get_greeting(now),
        figures=load_stats(session, now),
        today=_today(now),
        latest=latest,
        now=now,
        has_brain=bool(brains),
        steps=_list_steps(brains, connections, bool(latest)),
        connections=connections,
        failing=_list_failing(now),
        tried=rollouts.list_recent(),
        alerts=notices.list_alerts(session),
        sandbox=describe_sandbox(services().sandbox),
    )


class SetupStep(NamedTuple):
    """A step on the way to a bot on WhatsApp; `endpoint`: where it is done."""

    name: str
    endpoint: str
    is_done: bool


def _list_steps(
    brains: Sequence[Brain], connections: Sequence[Connection], has_messages: bool
) -> list[SetupStep]:
    """Return the steps of the setup; none once a published bot answers on a number of WhatsApp."""
    live = {brain.id for brain in brains if brain.live_version_id}
    numbers = [each for each in connections if each.channel != SimulatorChannel.kind]
    steps = [
        SetupStep("Create a brain", "brains.show_list", bool(brains)),
        SetupStep("Publish it", "brains.show_list", bool(live)),
        SetupStep("Try it in the simulator", "simulator.show_phone", has_messages),
        SetupStep("Connect a WhatsApp number", "connections.show_list", bool(numbers)),
        SetupStep(
            "Choose the brain that answers there",
            "connections.show_list",
            any(each.brain_id in live and each.enabled for each in numbers),
        ),
    ]
    return [] if all(step.is_done for step in steps) else steps


def _list_failing(now: int) -> list[dict[str, Any]]:
    """Return the latest errors of commands, with the names they have in their drafts."""
    session = db.session()
    lately = [each for each in command_errors.list_errors(session) if each.last_at > now - RECENT_MS][
        :MAX_FAILING
    ]
    rows = []
    for fault in lately:
        brain = store.get_brain(session, fault.brain_id)
        if brain.archived_at is None:
            rows.append({"fault": fault, "brain": brain, "command": _name(brain, fault.command_id)})
    return rows


def _name(brain: Brain, command_id: str) -> str:
    commands = brain.draft.get("commands", [])
    return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "")


def _today(now: int) -> MetricSummary:
    """Return the numbers since midnight of the operator's zone, as the analytics have them: without the simulator."""
    zone = time_format.get_zone()
    since = compute_midnight(time_format.to_local(now).date(), zone)
    scope = Scope(excluded=list_simulator_ids(db.session()))
    return reports.compute_total(db.session(), TimeRange(since, now + 1, zone.key, "hour"), scope)


LEVEL_TEXTS = {
    "full": ("good", "Full", "Isolated namespaces: no files, no network, no other processes."),
    "hardened": ("good", "Hardened", "No files and no network; other processes are out of reach."),
    "basic": (
        "warn",
        "Basic",
        "System calls are filtered; nothing else protects files.",
    ),
    "none": ("bad", "None", "This kernel cannot isolate processes, so commands do not run."),
}
# What to do about a layer that is missing.
REMEDIES = {
    "hardened": "To add the last layer, allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1, or "
    "the container's security profile).",
    "basic": "Use a kernel from 5.13 on with Landlock switched on (lsm=landlock).",
    "none": "Use a kernel with seccomp, or SANDBOX_UNSAFE=1 where everybody who writes commands is trusted fully.",
}
MODES = {
    "sticky": "Sticky: a process is reused for runs of one brain version.",
    "strict": "Strict: a new process for every run.",
}


@immutable
class IsolationStatus:
    """The level in force; `missing` names the layers that are not there, `remedy` what to do."""

    tone: str
    word: str
    hint: str
    mode: str
    missing: tuple[str, ...]
    remedy: str


def describe_sandbox(sandbox: Sandbox) -> IsolationStatus:
    """Describe the sandbox of this process."""
    level: IsolationLevel = sandbox.get_level()
    tone, word, hint = LEVEL_TEXTS.get(level.name, LEVEL_TEXTS["none"])
    return IsolationStatus(
        tone, word, hint, MODES.get(sandbox.mode, sandbox.mode), level.notes, REMEDIES.get(level.name, "")
    )
