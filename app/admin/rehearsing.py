"""Rehearsing a draft on real messages before it is published: begun, watched, cancelled, read."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, effect_lines
from app.admin.answers import show
from app.admin.guard import leave_to, needs
from app.bot import bot
from app.bot.rehearsing import SIZES, Job, Shown, Wish
from app.brains import diff, rehearsal
from app.brains.models import Brain
from app.brains.problems import InvalidDocument
from app.brains.rehearsal import Side
from app.web import house, limiter, partial

blueprint = Blueprint("rehearsing", __name__, url_prefix="/brains/<slug>/rehearsal")

PAGE: Final = 25
# Word, tone and what it means, the worst first; "same" is counted, not listed.
WORDS: Final = {
    rehearsal.FAILING: ("Newly failing", "bad", "answered or was silent then, fails with the draft"),
    rehearsal.SILENT: ("Newly silent", "warn", "was answered then, is not with the draft"),
    rehearsal.CHANGED: ("Changed", "info", "something else is said, remembered or planned"),
    rehearsal.ANSWERING: ("Newly answering", "good", "was not answered then, is with the draft"),
    rehearsal.NEW_CALL: ("New call", "quiet", "would ask something that nobody asked then"),
}
STATUS: Final = {"answered": "Answered", "silent": "Stayed silent", "failed": "Failed"}


@dataclass(frozen=True, slots=True)
class Row:
    """One message whose outcome the draft changes, in words and marked text."""

    shown: Shown
    word: str
    tone: str
    before: str
    after: str
    pieces: list[diff.Piece]
    notes: list[str]


@blueprint.get("/")
@needs(Role.EDITOR)
def begin(slug: str) -> Response:
    """Offer a rehearsal, and lead back to the one that was begun last."""
    brain = drafts.opened(slug)
    latest = bot().rehearsals.latest(current_user.id, brain.id)
    return show(bench.TEMPLATE, **_scene(brain, None, latest=latest))


@blueprint.post("/")
@needs(Role.EDITOR)
@limiter.limit("20 per minute")
def start(slug: str) -> Response:
    """Begin a rehearsal in the background."""
    brain = drafts.opened(slug)
    count = request.form.get("count", type=int)
    job_id = secrets.token_urlsafe(12)
    wish = Wish(job_id, current_user.id, brain.id, brain.draft, count if count in SIZES else SIZES[1])
    try:
        bot().rehearsals.start(wish)
    except InvalidDocument as error:
        return show(bench.TEMPLATE, status=422, **_scene(brain, None, refused=str(error)))
    return redirect(url_for("rehearsing.watch", slug=slug, job_id=job_id))


@blueprint.get("/<job_id>")
@needs(Role.EDITOR)
def watch(slug: str, job_id: str) -> Response:
    """Show how far a rehearsal is, then what it found."""
    brain = drafts.opened(slug)
    job = bot().rehearsals.find(current_user.id, job_id)
    if job is None or job.brain_id != brain.id:
        gone = "This rehearsal is not kept any more. Begin another one; it takes a moment."
        return show(bench.TEMPLATE, **_scene(brain, None, refused=gone))
    # Asked once: it may end while the page is made.
    state = job.state
    if not partial():
        found = {} if state == "running" else _found(brain, job)
        return show(bench.TEMPLATE, **_scene(brain, job, state=state, **found))
    if state != "running":
        return leave_to(url_for("rehearsing.watch", slug=slug, job_id=job_id))
    return show("brains/rehearsal_progress.html", "progress", brain=brain, job=job)


@blueprint.post("/<job_id>/cancel")
@needs(Role.EDITOR)
def cancel(slug: str, job_id: str) -> Response:
    """End a rehearsal after its present batch."""
    job = bot().rehearsals.find(current_user.id, job_id)
    if job and job.state == "running":
        job.cancelled.set()
        answers.notice("The rehearsal ends. What it has found so far is shown.")
    return redirect(url_for("rehearsing.watch", slug=slug, job_id=job_id))


def _scene(brain: Brain, job: Job | None, **more: Any) -> dict[str, Any]:
    facts = {"job": job, "state": "", "sizes": SIZES, "refused": "", "latest": None, "KINDS": WORDS, **more}
    return bench.scene(brain, "rehearsal", **facts)


def _found(brain: Brain, job: Job) -> dict[str, Any]:
    """Gather one page of what a rehearsal has found, of one kind where one is asked for."""
    kind = request.args.get("kind", "")
    kind = kind if kind in WORDS else ""
    order = {name: place for place, name in enumerate(rehearsal.KINDS)}
    listed = [each for each in job.changes if kind in {"", each.compared.kind}]
    listed.sort(key=lambda each: order[each.compared.kind])
    page = max(request.args.get("page", 1, type=int), 1)
    names = {str(each.get("id")): str(each.get("name")) for each in brain.draft.get("commands", [])}
    rows = [_row(each, names) for each in listed[(page - 1) * PAGE : page * PAGE]]
    return {
        "rows": rows,
        "kind": kind,
        "page": page,
        "pages": -(-len(listed) // PAGE),
        "took": house().clock() - job.started,
    }


def _row(shown: Shown, names: Mapping[str, str]) -> Row:
    compared = shown.compared
    word, tone, _ = WORDS[compared.kind]
    now = int(compared.past.journal["now"])
    before, after = (_text(side, names, now) for side in (compared.before, compared.after))
    notes = [f"Would make a new call: {call}" for call in compared.new_calls] + list(compared.notes)
    return Row(
        shown,
        word,
        tone,
        headline(compared.before),
        headline(compared.after),
        diff.words(before, after),
        notes,
    )


def headline(side: Side) -> str:
    """Say in a line what came of a message, and by which command."""
    by = f" by “{side.command}”" if side.command else ""
    why = f": {side.why}" if side.status != "answered" and side.why else ""
    return f"{STATUS.get(side.status, side.status)}{by}{why}"


def _text(side: Side, names: Mapping[str, str], now: int) -> str:
    return effect_lines.written(side.effects or (), names, now)
