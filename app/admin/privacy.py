"""Privacy: for how long things are kept, and people erased everywhere."""

import structlog
from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers
from app.admin.answers import show
from app.admin.guard import needs
from app.bot.models import Erasure
from app.bot.privacy import erasing, retaining, subject
from app.bot.privacy.retaining import BadDays
from app.bot.privacy.subject import NobodyFound
from app.web import db, house, limiter

log = structlog.get_logger(__name__)
blueprint = Blueprint("privacy", __name__, url_prefix="/settings/privacy")


@blueprint.get("/")
@needs(Role.OWNER)
def overview() -> Response:
    """Show for how long things are kept, and who was erased."""
    return _overview({kind: str(days) for kind, days in retaining.kept_for(db.session()).items()})


@blueprint.post("/keep")
@needs(Role.OWNER)
def keep() -> Response:
    """Store for how many days each kind is kept."""
    wish = {kind: request.form.get(kind, "")[:20] for kind in retaining.KINDS}
    try:
        house().database.write(lambda session: retaining.keep_for(session, wish))
    except BadDays as error:
        return _overview(wish, {error.kind: str(error)}, 422)
    log.info("audit", what="retention", user=current_user.id, days=wish)
    answers.notice("Saved. What is older is forgotten within the next minutes, a little at a time.")
    return redirect(url_for("privacy.overview"))


@blueprint.get("/erase")
@needs(Role.OWNER)
def review() -> Response:
    """Show what would be erased of a person."""
    chat_id = request.args.get("chat", type=int)
    who = subject.handle_of(db.session(), chat_id) if chat_id else request.args.get("who", "")
    return _review(who[:140])


@blueprint.post("/erase")
@needs(Role.OWNER)
@limiter.limit("30 per minute")
def erase() -> Response:
    """Have a person erased by the workers, when their number was typed once more."""
    who, typed = request.form.get("who", "")[:140], request.form.get("typed", "")[:140]
    if not typed or subject.normal(typed) != subject.normal(who):
        return _review(who, typed, "This is not the number above. Nothing is erased.", 422)
    shared, user_id = house(), current_user.id
    digest = subject.digest_of(shared.settings.secret_key, who)
    try:
        row = shared.database.write(lambda s: erasing.begin(s, who, digest, user_id, shared.clock()))
    except NobodyFound as error:
        return _review(who, typed, str(error), 422)
    log.info("audit", what="erase a person", person=digest, erasure=row.id, user=user_id)
    answers.notice("This person is being erased. How far it is stands under “Erased people”.")
    return redirect(url_for("privacy.overview"))


def _overview(days: dict[str, str], problems: dict[str, str] | None = None, status: int = 200) -> Response:
    rows: list[Erasure] = erasing.recent(db.session())
    return show(
        "privacy/overview.html",
        "erasures",
        status=status,
        days=days,
        problems=problems or {},
        kept=retaining.KINDS,
        most_days=retaining.MOST_DAYS,
        erasures=rows,
        running=any(row.ended_at is None for row in rows),
        words=subject.KINDS,
    )


def _review(who: str, typed: str = "", problem: str = "", status: int = 200) -> Response:
    session = db.session()
    found, counts, missing = None, {}, ""
    try:
        found = subject.find(session, who)
        counts = subject.preview(session, found)
    except NobodyFound as error:
        missing = str(error)
    return show(
        "privacy/review.html",
        status=status if found else 404,
        who=subject.normal(who),
        typed=typed,
        problem=problem,
        missing=missing,
        found=found,
        counts=counts,
        words=subject.KINDS,
    )
