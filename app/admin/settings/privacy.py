"""Privacy pages: data retention in days, and erasure of a person."""

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.privacy import erasure, retention, subject
from app.privacy.models import Erasure
from app.privacy.retention import RetentionDaysError
from app.privacy.subject import SubjectNotFound
from app.services import services
from app.text import parse_int64
from app.web import db, limiter

blueprint = PageBlueprint(
    "privacy",
    __name__,
    url_prefix="/settings/privacy",
    section="settings",
    targets=(
        Target(
            "show_overview",
            "eye",
            "Privacy",
            ("settings", "data retention", "erase", "delete", "gdpr", "days"),
            order=100,
        ),
    ),
)


@blueprint.get("/")
@require_right(Right.ADMINISTER)
def show_overview() -> Response:
    """Show for how long things are kept, and who was erased."""
    return _overview({kind: str(days) for kind, days in retention.load_retention_days(db.session()).items()})


@blueprint.post("/keep")
@require_right(Right.ADMINISTER)
def save_retention() -> Response:
    """Store for how many days each kind is kept."""
    days = {kind: request.form.get(kind, "")[:20] for kind in retention.KINDS}
    try:
        services().database.write(lambda session: retention.save_retention_days(session, days))
    except RetentionDaysError as error:
        return _overview(days, {error.kind: str(error)}, 422)
    responses.flash_notice("Saved. Older data is deleted in the next minutes, in small batches.")
    return redirect(url_for("privacy.show_overview"))


@blueprint.get("/erase")
@require_right(Right.ADMINISTER)
def review() -> Response:
    """Show what would be erased of a person."""
    chat_id = request.args.get("chat", type=parse_int64)
    who = subject.find_handle(db.session(), chat_id) if chat_id else request.args.get("who", "")
    return _review(who[:140])


@blueprint.post("/erase")
@require_right(Right.ADMINISTER)
@limiter.limit("30 per minute")
def erase() -> Response:
    """Have a person erased by the workers, when their number was typed once more."""
    who, typed = request.form.get("who", "")[:140], request.form.get("typed", "")[:140]
    if not typed or not subject.is_same_handle(typed, who):
        return _review(who, typed, "This is not the number above. Nothing is erased.", 422)
    shared, user_id = services(), current_user.id
    digest = subject.compute_digest(shared.settings.secret_key, who)
    try:
        shared.database.write(lambda s: erasure.begin(s, who, digest, user_id, shared.clock()))
    except SubjectNotFound as error:
        return _review(who, typed, str(error), 422)
    responses.flash_notice("This person is being erased. The progress is shown under “Erased people”.")
    return redirect(url_for("privacy.show_overview"))


def _overview(days: dict[str, str], problems: dict[str, str] | None = None, status: int = 200) -> Response:
    rows: list[Erasure] = erasure.list_recent(db.session())
    return show(
        "settings/privacy/overview.html",
        "erasures",
        status=status,
        days=days,
        problems=problems or {},
        kept=retention.KINDS,
        most_days=retention.MAX_DAYS,
        erasures=rows,
        running=any(row.ended_at is None for row in rows),
        words=subject.KINDS,
    )


def _review(who: str, typed: str = "", problem: str = "", status: int = 200) -> Response:
    session = db.session()
    found, counts, missing = None, {}, ""
    try:
        found = subject.find(session, who)
        counts = subject.count_by_kind(session, found)
    except SubjectNotFound as error:
        missing = str(error)
    return show(
        "settings/privacy/review.html",
        status=status if found else 404,
        who=subject.normalise_handle(who),
        typed=typed,
        problem=problem,
        missing=missing,
        found=found,
        counts=counts,
        words=subject.KINDS,
    )
