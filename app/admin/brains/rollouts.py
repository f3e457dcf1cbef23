"""Gradual rollout page: live numbers of both versions; change, promote, stop, resume."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.accounts.users import list_emails
from app.admin.brains.rehearsal import CHANGE_WORDS, format_headline
from app.admin.ui import effects, responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.workbench import drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot.models import Message
from app.bot.release import shadow as release_shadow
from app.brains.document import diff
from app.brains.effects.model import load_effect
from app.brains.runtime.rehearsal import RunResult
from app.brains.versions import release, rollouts, store
from app.brains.versions.canary_guard import Guard
from app.brains.versions.models import Brain, Rollout, RolloutChange
from app.brains.versions.release import RolloutPlan
from app.brains.versions.routing import CANARY, REVERTED
from app.clock import DAY_MS
from app.immutable import immutable
from app.services import services
from app.signals import DomainError
from app.text import parse_int64
from app.web import db, is_fragment_request

T = TypeVar("T")

blueprint = PageBlueprint(
    "rollouts",
    __name__,
    url_prefix="/brains/<slug>/rollout",
    section="brains",
    targets=(
        Target(
            "show_rollout",
            "bolt",
            "Gradual rollout",
            ("canary", "shadow", "try on some"),
            group=TargetGroup.BRAIN_PAGE,
            order=80,
        ),
    ),
)

MAX_CHANGES: Final = 20
RECENT_MS: Final = 7 * DAY_MS


@immutable
class ShadowRow:
    """A message on which the silent version differs, in words and marked text."""

    message: Message
    word: str
    tone: str
    before: str
    after: str
    pieces: list[diff.Segment]
    notes: Sequence[str]


@immutable
class RolloutSummary:
    """A rollout for the dashboard, with the brain and the number of the version."""

    rollout: Rollout
    brain: Brain
    number: int


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_rollout(slug: str) -> Response:
    """Show what is tried; htmx asks for the part that changes."""
    brain = drafts.get_brain_or_404(slug)
    if not is_fragment_request():
        return _show_rollout(brain)
    workbench = Workbench(brain, "rollout")
    context = {"workbench": workbench, "brain": brain, **_build_context(brain)}
    return responses.show("brains/rollouts/fragments.html", "live", **context)


@blueprint.post("/change")
@require_right(Right.WRITE_BRAINS)
def change(slug: str) -> Response:
    """Give the version to another part of the contacts, or set another guard."""
    brain = drafts.get_brain_or_404(slug)
    plan = read_plan(CANARY)
    try:
        services().database.write(lambda session: release.change(session, brain.id, plan))
    except DomainError as error:
        return _show_rollout(brain, str(error))
    responses.flash_notice(f"{plan.percent} % of the contacts get it from their next message on.")
    return _redirect_to_rollout(brain)


@blueprint.post("/promote")
@require_right(Right.WRITE_BRAINS)
def promote(slug: str) -> Response:
    """Put the version live for everyone."""
    brain, user, now = drafts.get_brain_or_404(slug), current_user.id, services().clock()
    version = _write_or_notify(lambda session: release.promote(session, brain.id, user, now))
    if version:
        responses.flash_notice(f"Version {version.number} is live for everyone from the next message on.")
    return _redirect_to_rollout(brain)


@blueprint.post("/stop")
@require_right(Right.WRITE_BRAINS)
def stop(slug: str) -> Response:
    """End the rollout; it can go on where it was."""
    brain, user, now = drafts.get_brain_or_404(slug), current_user.id, services().clock()
    ended = _write_or_notify(lambda session: release.stop(session, brain.id, user, now))
    if ended:
        responses.flash_undo(
            "The rollout is stopped. The live version answers everyone.",
            url_for("rollouts.resume", slug=slug, rollout_id=ended.id),
        )
    return _redirect_to_rollout(brain)


@blueprint.post("/<int:rollout_id>/resume")
@require_right(Right.WRITE_BRAINS)
def resume(slug: str, rollout_id: int) -> Response:
    """Go on with a rollout that was stopped, for the same contacts."""
    brain = drafts.get_brain_or_404(slug)
    resumed = _write_or_notify(lambda session: release.resume(session, brain.id, rollout_id))
    if resumed:
        responses.flash_notice("The rollout is resumed for the same contacts.")
    return _redirect_to_rollout(brain)


def _write_or_notify(change: Callable[[Any], T]) -> T | None:
    """Return the result of a change in a transaction; without an active rollout, None and a notice that says so."""
    try:
        return services().database.write(change)
    except release.NoActiveRollout as error:
        responses.flash_notice(str(error), "bad")
        return None


def read_plan(mode: str) -> RolloutPlan:
    """Read from the form how a version is to be tried; what is no number is refused as too small."""
    guard = Guard(*(_number(name) for name in ("extra_failures", "slower", "min_runs")))
    return RolloutPlan(mode, _number("percent"), guard)


def list_recent() -> list[RolloutSummary]:
    """Return what is being tried, and what was taken back lately and not tried again, for the dashboard."""
    session = db.session()
    rows = []
    for each in [
        *rollouts.list_reverted_since(session, services().clock() - RECENT_MS),
        *rollouts.list_active(session),
    ]:
        brain = store.get_brain(session, each.brain_id)
        over = each.ending == REVERTED and not _is_last(each, brain)
        if brain.archived_at is None and not over:
            rows.append(
                RolloutSummary(each, brain, store.read_numbers(session, [each.version_id])[each.version_id])
            )
    return rows


def _is_last(rollout: Rollout, brain: Brain) -> bool:
    """Tell whether nothing was tried or published since."""
    latest = rollouts.list_for_brain(db.session(), brain.id)[0]
    return latest.id == rollout.id and brain.live_version_id == rollout.base_version_id


def _number(name: str) -> int:
    value = request.form.get(name, type=parse_int64)
    return -1 if value is None else value


def _redirect_to_rollout(brain: Brain) -> Response:
    return redirect(url_for("rollouts.show_rollout", slug=brain.slug))


def _show_rollout(brain: Brain, refused: str = "") -> Response:
    """Answer with the page; `refused` says why a change was not made."""
    workbench = Workbench(brain, "rollout")
    return render_workbench(
        workbench, status=422 if refused else 200, refused=refused, **_build_context(brain)
    )


def _build_context(brain: Brain) -> dict[str, Any]:
    session = db.session()
    listed = rollouts.list_for_brain(session, brain.id)
    last = listed[0] if listed else None
    ids = {brain.live_version_id or 0}
    ids |= {number for each in listed for number in (each.version_id, each.base_version_id)}
    shadow = last if last and last.ended_at is None and last.mode != CANARY else None
    user_ids = {user for each in listed for user in (each.started_by, each.ended_by) if user}
    return {
        "last": last,
        "past": [each for each in listed if each.ended_at is not None],
        "tally": rollouts.load_stats(last) if last else None,
        "numbers": store.read_numbers(session, ids),
        "people": list_emails(session, user_ids),
        "changes": _changes(brain, shadow) if shadow else [],
        "KINDS": CHANGE_WORDS,
    }


def _changes(brain: Brain, shadow: Rollout) -> list[ShadowRow]:
    names = {str(each.get("id")): str(each.get("name")) for each in brain.draft.get("commands", [])}
    return [
        _row(*pair, names) for pair in release_shadow.list_differences(db.session(), shadow.id, MAX_CHANGES)
    ]


def _row(change: RolloutChange, message: Message, names: Mapping[str, str]) -> ShadowRow:
    word, tone, _ = CHANGE_WORDS[change.kind]
    before, after = _load_side(change.before), _load_side(change.after)
    texts = [
        effects.format_effects(side.effects or (), names, message.created_at) for side in (before, after)
    ]
    return ShadowRow(
        message,
        word,
        tone,
        format_headline(before),
        format_headline(after),
        diff.compare_texts(texts[0], texts[1]),
        change.notes,
    )


def _load_side(data: Mapping[str, Any]) -> RunResult:
    effects = None if data["effects"] is None else tuple(map(load_effect, data["effects"]))
    return RunResult(data["status"], data["command"], effects, data["why"])
