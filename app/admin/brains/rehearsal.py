"""Test of a draft on past messages before it is published: start, progress, cancel, results."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import effects, responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import redirect_page, require_right
from app.admin.ui.responses import show
from app.admin.workbench import drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot.release.rehearsals import SIZES, RehearsalJob, RehearsalRequest, RehearsedMessage
from app.brains.document import diff
from app.brains.document.validation import InvalidDocument
from app.brains.runtime import rehearsal
from app.brains.runtime.rehearsal import RunResult
from app.brains.versions.intent_models import use_stored_model
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.request_input import read_page
from app.services import services
from app.text import parse_int64
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "rehearsal",
    __name__,
    url_prefix="/brains/<slug>/rehearsal",
    section="brains",
    targets=(
        Target(
            "show_form",
            "history",
            "Test on past messages",
            ("rehearse", "rehearsal", "backtest", "replay", "try"),
            group=TargetGroup.BRAIN_ACTION,
            order=40,
        ),
    ),
)

PAGE_ROWS: Final = 25
# Word, tone and what it means, the worst first; "same" is counted, not listed.
CHANGE_WORDS: Final = {
    rehearsal.FAILING: ("Newly failing", "bad", "answered or was silent then, fails with the draft"),
    rehearsal.SILENT: ("Newly silent", "warn", "was answered then, is not with the draft"),
    rehearsal.CHANGED: ("Changed", "info", "different replies, variables or schedules"),
    rehearsal.ANSWERING: ("Newly answering", "good", "was not answered then, is with the draft"),
    rehearsal.NEW_CALL: ("New request", "quiet", "makes an external request that was not made then"),
    rehearsal.UNSURE: (
        "Unsure",
        "quiet",
        "the same as far as known, but the draft's variables are not certain here",
    ),
}
STATUS_WORDS: Final = {"answered": "Answered", "silent": "Stayed silent", "failed": "Failed"}


@immutable
class RehearsalRow:
    """One message whose outcome the draft changes, in words and marked text."""

    change: RehearsedMessage
    word: str
    tone: str
    before: str
    after: str
    pieces: list[diff.Segment]
    notes: list[str]


@blueprint.get("/")
@require_right(Right.WRITE_BRAINS)
def show_form(slug: str) -> Response:
    """Offer a rehearsal, and lead back to the one that was begun last."""
    brain = drafts.get_brain_or_404(slug)
    latest = services().rehearsals.find_latest(current_user.id, brain.id)
    return _show_rehearsal(brain, None, latest=latest)


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("20 per minute")
def start(slug: str) -> Response:
    """Begin a rehearsal in the background."""
    brain = drafts.get_brain_or_404(slug)
    use_stored_model(db.session(), brain)
    count = request.form.get("count", type=parse_int64)
    job_id = secrets.token_urlsafe(12)
    wanted = RehearsalRequest(
        job_id, current_user.id, brain.id, brain.draft, count if count in SIZES else SIZES[1]
    )
    try:
        services().rehearsals.start(wanted)
    except InvalidDocument as error:
        return _show_rehearsal(brain, None, status=422, refused=str(error))
    return redirect(url_for("rehearsal.show_job", slug=slug, job_id=job_id))


@blueprint.get("/<job_id>")
@require_right(Right.WRITE_BRAINS)
def show_job(slug: str, job_id: str) -> Response:
    """Show how far a rehearsal is, then what it found."""
    brain = drafts.get_brain_or_404(slug)
    job = services().rehearsals.find(current_user.id, job_id)
    if job is None or job.brain_id != brain.id:
        gone = "This test on past messages is no longer kept. Start another one; it takes a moment."
        return _show_rehearsal(brain, None, refused=gone)
    # Asked once: it may end while the page is made.
    state = job.state
    if not is_fragment_request():
        found = {} if state == "running" else _build_results_context(brain, job)
        return _show_rehearsal(brain, job, state=state, **found)
    if state != "running":
        return redirect_page(url_for("rehearsal.show_job", slug=slug, job_id=job_id))
    return show("brains/rehearsal_progress.html", "progress", brain=brain, job=job)


@blueprint.post("/<job_id>/cancel")
@require_right(Right.WRITE_BRAINS)
def cancel(slug: str, job_id: str) -> Response:
    """End a rehearsal after its present batch."""
    job = services().rehearsals.find(current_user.id, job_id)
    if job and job.state == "running":
        job.cancelled.set()
        responses.flash_notice("The test on past messages is stopped. The results so far are shown.")
    return redirect(url_for("rehearsal.show_job", slug=slug, job_id=job_id))


def _show_rehearsal(brain: Brain, job: RehearsalJob | None, *, status: int = 200, **more: Any) -> Response:
    context = {"state": "", "refused": "", "latest": None, **more}
    return render_workbench(
        Workbench(brain, "rehearsal"), status=status, job=job, sizes=SIZES, KINDS=CHANGE_WORDS, **context
    )


def _build_results_context(brain: Brain, job: RehearsalJob) -> dict[str, Any]:
    """Gather one page of what a rehearsal has found, of one kind where one is asked for."""
    kind = request.args.get("kind", "")
    kind = kind if kind in CHANGE_WORDS else ""
    order = {name: place for place, name in enumerate(rehearsal.KINDS)}
    listed = [each for each in job.changes if kind in {"", each.comparison.kind}]
    listed.sort(key=lambda each: order[each.comparison.kind])
    page = read_page()
    names = {str(each.get("id")): str(each.get("name")) for each in brain.draft.get("commands", [])}
    rows = [_row(each, names) for each in listed[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]]
    return {
        "rows": rows,
        "kind": kind,
        "page": page,
        "pages": -(-len(listed) // PAGE_ROWS),
        "took": services().clock() - job.started_at,
    }


def _row(shown: RehearsedMessage, names: Mapping[str, str]) -> RehearsalRow:
    compared = shown.comparison
    word, tone, _ = CHANGE_WORDS[compared.kind]
    now = int(compared.recorded.journal["now"])
    before, after = (_text(side, names, now) for side in (compared.before, compared.after))
    notes = [f"Would make a new external request: {call}" for call in compared.new_calls] + list(
        compared.notes
    )
    return RehearsalRow(
        shown,
        word,
        tone,
        format_headline(compared.before),
        format_headline(compared.after),
        diff.compare_texts(before, after),
        notes,
    )


def format_headline(side: RunResult) -> str:
    """Say in a line what came of a message, and by which command."""
    by = f" by “{side.command}”" if side.command else ""
    why = f": {side.why}" if side.status != "answered" and side.why else ""
    return f"{STATUS_WORDS.get(side.status, side.status)}{by}{why}"


def _text(side: RunResult, names: Mapping[str, str], now: int) -> str:
    return effects.format_effects(side.effects or (), names, now)
