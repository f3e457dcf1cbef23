"""Account page: one's own name, language, time zone and password, and the devices one is signed in on."""

from typing import Any

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import password_resets, second_factor, sessions, users
from app.accounts.roles import Right
from app.accounts.users import AccountError, Passwords, User
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import clear_session, require_right
from app.admin.ui.responses import show
from app.admin.ui.time_format import list_zones
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
            (
                "settings",
                "password",
                "second factor",
                "totp",
                "name",
                "time zone",
                "sign out",
                "sessions",
                "devices",
            ),
            order=120,
        ),
    ),
)


@blueprint.get("/")
@require_right(Right.ACCOUNT)
def show_account() -> Response:
    """Show one's own account."""
    return _show_account()


@blueprint.post("/profile")
@require_right(Right.ACCOUNT)
def change_profile() -> Response:
    """Change one's name, language and time zone."""
    form, user_id = request.form, current_user.id
    name, language, zone = form.get("name", ""), form.get("language", ""), form.get("timezone", "").strip()
    try:
        services().database.write(
            lambda session: users.change_profile(session, user_id, name, language, zone)
        )
    except AccountError as error:
        return _show_account({error.field: str(error)}, 422)
    responses.flash_notice("Saved.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/password")
@require_right(Right.ACCOUNT)
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

    def change(session: Any) -> int:
        password_resets.cancel(session, user_id)
        return sessions.change_password(session, user_id, hashed, kept_id)

    services().database.write(change)
    responses.flash_notice("Your password is changed. All other devices are signed out.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/sessions/<int:session_id>/end")
@require_right(Right.ACCOUNT)
def end_session(session_id: int) -> Response:
    """Sign one device out."""
    user_id = current_user.id
    if not services().database.write(lambda session: sessions.end(session, user_id, session_id)):
        abort(404)
    if session_id == current_user.session_id:
        return _leave()
    responses.refresh_session()
    responses.flash_notice("That device is signed out.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/sessions/end-others")
@require_right(Right.ACCOUNT)
def end_other_sessions() -> Response:
    """Sign out everywhere else."""
    user_id, kept_id = current_user.id, current_user.session_id
    services().database.write(lambda session: sessions.end_all(session, user_id, kept_id=kept_id))
    responses.refresh_session()
    responses.flash_notice("All other devices are signed out.")
    return redirect(url_for("account.show_account"))


@blueprint.post("/sessions/end")
@require_right(Right.ACCOUNT)
def end_all_sessions() -> Response:
    """Sign out everywhere, here too."""
    user_id = current_user.id
    services().database.write(lambda session: sessions.end_all(session, user_id))
    return _leave()


def _leave() -> Response:
    clear_session()
    return redirect(url_for("auth.show_sign_in"))


def _show_account(problems: dict[str, str] | None = None, status: int = 200) -> Response:
    return show(
        "settings/account/account.html",
        status=status,
        problems=problems or {},
        given=request.form,
        languages=users.LANGUAGES,
        zones=list_zones(),
        factor=second_factor.get_factor(db.session(), current_user.id),
        sessions=sessions.list_for_user(db.session(), current_user.id, services().clock()),
    )
