"""Account page: one's own password, and the devices one is signed in on."""

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import sessions
from app.accounts import AccountError, Passwords, Role, User
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import clear_session, require_role
from app.admin.ui.responses import show
from app.logs import audit
from app.services import services
from app.web import db, limiter

blueprint = PageBlueprint(
    "account",
    __name__,
    url_prefix="/settings/account",
    section="settings",
    targets=(
        Target(
            "show_account",
            "user",
            "Your account",
            ("settings", "password", "sign out", "sessions", "devices"),
            order=120,
        ),
    ),
)


@blueprint.get("/")
@require_role(Role.VIEWER)
def show_account() -> Response:
    """Show one's own account."""
    return _show_account()


@blueprint.post("/password")
@require_role(Role.VIEWER)
@limiter.limit("10 per minute; 60 per hour")
def change_password() -> Response:
    """Change one's password and end all other sessions."""
    form, kept_id = request.form, current_user.session_id
    user = db.session.get_one(User, current_user.id)
    try:
        hashed = sessions.hash_new_password(
            services().get(Passwords), user, form.get("current", ""), form.get("new", "")
        )
    except AccountError as error:
        return _show_account({error.field: str(error)}, 422)
    user_id = user.id
    ended = services().database.write(
        lambda session: sessions.change_password(session, user_id, hashed, kept_id)
    )
    audit.record("password changed", user_id, sessions_ended=ended)
    responses.flash_notice("Your password is changed. All other devices are signed out.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/sessions/<int:session_id>/end")
@require_role(Role.VIEWER)
def end_session(session_id: int) -> Response:
    """Sign one device out."""
    user_id = current_user.id
    if not services().database.write(lambda session: sessions.end(session, user_id, session_id)):
        abort(404)
    audit.record("session ended", user_id, session=session_id)
    if session_id == current_user.session_id:
        return _leave()
    responses.refresh_session()
    responses.flash_notice("That device is signed out.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/sessions/end")
@require_role(Role.VIEWER)
def end_all_sessions() -> Response:
    """Sign out everywhere, here too."""
    user_id = current_user.id
    ended = services().database.write(lambda session: sessions.end_all(session, user_id))
    audit.record("signed out everywhere", user_id, sessions_ended=ended)
    return _leave()


def _leave() -> Response:
    clear_session()
    return redirect(url_for("auth.show_sign_in"))


def _show_account(problems: dict[str, str] | None = None, status: int = 200) -> Response:
    return show(
        "settings/account/account.html",
        status=status,
        problems=problems or {},
        sessions=sessions.list_for_user(db.session(), current_user.id, services().clock()),
    )
