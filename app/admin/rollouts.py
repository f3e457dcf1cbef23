"""A version tried before everybody has it: live numbers of both arms, and what can be done about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role, emails
from app.admin import answers, bench, drafts, effect_lines, times
from app.admin.guard import needs
from app.admin.rehearsing import WORDS, headline
from app.bot import shadowing
from app.bot.chats import said
from app.bot.models import Message
from app.brains import candidates, diff, rollouts, versions
from app.brains.candidates import Plan
from app.brains.effects import restored
from app.brains.models import Brain
from app.brains.rehearsal import Side
from app.brains.rollout import CANARY, REVERTED, Guard
from app.brains.rollout_models import Rollout, RolloutChange
from app.signals import DomainError, changed
from app.web import db, house, partial

blueprint = Blueprint("rollouts", __name__, url_prefix="/brains/<slug>/rollout")

SHOWN: Final = 20
LATELY: Final = 7 * times.DAY


@dataclass(frozen=True, slots=True)
class Row:
    """A message on which the silent version differs, in words and marked text."""

    message: Message
    word: str
    tone: str
    before: str
    after: str
    pieces: list[diff.Piece]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tried:
    """A rollout for the dashboard, with the brain and the number of the version."""

    rollout: Rollout
    brain: Brain
    number: int


@blueprint.get("/")
@needs(Role.VIEWER)
def overview(slug: str) -> Response:
    """Show what is tried; htmx asks for the part that changes."""
    scene = _scene(drafts.opened(slug))
    if partial():
        return answers.show("rollouts/fragments.html", "live", **scene)
    return answers.show(bench.TEMPLATE, **scene)


@blueprint.post("/change")
@needs(Role.EDITOR)
def change(slug: str) -> Response:
    """Give the version to another part of the contacts, or set another guard."""
    brain = drafts.opened(slug)
    plan = asked(CANARY)
    try:
        house().database.write(lambda session: candidates.change(session, brain.id, plan))
    except DomainError as error:
        return answers.show(bench.TEMPLATE, status=422, **{**_scene(brain), "refused": str(error)})
    answers.notice(f"{plan.percent} % of the contacts get it from their next message on.")
    return _back(brain)


@blueprint.post("/promote")
@needs(Role.EDITOR)
def promote(slug: str) -> Response:
    """Put the version live for everyone."""
    brain, user, now = drafts.opened(slug), current_user.id, house().clock()
    try:
        version = house().database.write(lambda session: candidates.promote(session, brain.id, user, now))
    except candidates.NothingTried as error:
        answers.notice(str(error), "bad")
        return _back(brain)
    answers.notice(f"Version {version.number} is live for everyone from the next message on.")
    return _back(brain)


@blueprint.post("/stop")
@needs(Role.EDITOR)
def stop(slug: str) -> Response:
    """End the rollout; it can go on where it was."""
    brain, user, now = drafts.opened(slug), current_user.id, house().clock()
    try:
        ended = house().database.write(lambda session: candidates.stop(session, brain.id, user, now))
    except candidates.NothingTried as error:
        answers.notice(str(error), "bad")
        return _back(brain)
    answers.undoable(
        "It is stopped. The live version answers everyone.",
        url_for("rollouts.resume", slug=slug, rollout_id=ended.id),
    )
    return _back(brain)


@blueprint.post("/<int:rollout_id>/resume")
@needs(Role.EDITOR)
def resume(slug: str, rollout_id: int) -> Response:
    """Go on with a rollout that was stopped, for the same contacts."""
    brain = drafts.opened(slug)
    try:
        house().database.write(lambda session: candidates.resume(session, brain.id, rollout_id))
    except candidates.NothingTried as error:
        answers.notice(str(error), "bad")
        return _back(brain)
    answers.notice("It goes on, for the same contacts as before.")
    return _back(brain)


def asked(mode: str) -> Plan:
    """Read from the form how a version is to be tried; what is no number is refused as too small."""
    guard = Guard(*(_number(name) for name in ("extra_failures", "slower", "min_runs")))
    return Plan(mode, _number("percent"), guard)


def tried_lately() -> list[Tried]:
    """Return what is being tried, and what was taken back lately and not tried again, for the dashboard."""
    session = db.session()
    rows = []
    for each in [*rollouts.reverted_since(session, house().clock() - LATELY), *rollouts.under_way(session)]:
        brain = versions.get_brain(session, each.brain_id)
        over = each.ending == REVERTED and not _is_last(each, brain)
        if brain.archived_at is None and not over:
            rows.append(Tried(each, brain, versions.numbers(session, [each.version_id])[each.version_id]))
    return rows


def _is_last(rollout: Rollout, brain: Brain) -> bool:
    """Tell whether nothing was tried or published since."""
    latest = rollouts.listed(db.session(), brain.id)[0]
    return latest.id == rollout.id and brain.live_version_id == rollout.base_version_id


def _number(name: str) -> int:
    value = request.form.get(name, type=int)
    return -1 if value is None else value


def _back(brain: Brain) -> Response:
    changed.send(topics={"dashboard", f"brain:{brain.id}"})
    return redirect(url_for("rollouts.overview", slug=brain.slug))


def _scene(brain: Brain) -> dict[str, Any]:
    session = db.session()
    listed = rollouts.listed(session, brain.id)
    last = listed[0] if listed else None
    ids = {brain.live_version_id or 0}
    ids |= {number for each in listed for number in (each.version_id, each.base_version_id)}
    shadow = last if last and last.ended_at is None and last.mode != CANARY else None
    return bench.scene(
        brain,
        "rollout",
        last=last,
        past=[each for each in listed if each.ended_at is not None],
        tally=rollouts.tally_of(last) if last else None,
        numbers=versions.numbers(session, ids),
        people=emails(
            session, {user for each in listed for user in (each.started_by, each.ended_by) if user}
        ),
        changes=_changes(brain, shadow) if shadow else [],
        KINDS=WORDS,
        said=said,
        refused="",
    )


def _changes(brain: Brain, shadow: Rollout) -> list[Row]:
    names = {str(each.get("id")): str(each.get("name")) for each in brain.draft.get("commands", [])}
    return [_row(*pair, names) for pair in shadowing.differing(db.session(), shadow.id, SHOWN)]


def _row(change: RolloutChange, message: Message, names: Mapping[str, str]) -> Row:
    word, tone, _ = WORDS[change.kind]
    before, after = _side(change.before), _side(change.after)
    texts = [effect_lines.written(side.effects or (), names, message.created_at) for side in (before, after)]
    return Row(
        message, word, tone, headline(before), headline(after), diff.words(texts[0], texts[1]), change.notes
    )


def _side(data: Mapping[str, Any]) -> Side:
    effects = None if data["effects"] is None else tuple(map(restored, data["effects"]))
    return Side(data["status"], data["command"], effects, data["why"])
