"""Sign-in and sign-out pages, with the limit of sign-in attempts."""

import secrets
from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response

from app import accounts, sessions
from app.accounts import Passwords, Role, User
from app.admin.ui.permissions import TOKEN_KEY, clear_session, get_safe_path, require_role
from app.admin.ui.responses import show
from app.services import services
from app.text import to_storable
from app.web import allow_public, db, limiter

blueprint = Blueprint("auth", __name__)

# One answer for both, so that nobody learns which addresses have an account.
BAD_CREDENTIALS = "This e-mail address and password do not belong together. Check both and try again."


@blueprint.get("/login")
@allow_public
def show_sign_in() -> Response:
    """Show the sign-in form, or the first-run pages while there is no user."""
    if not accounts.has_users(db.session()):
        return redirect(url_for("setup.show_account"))
    return show("auth/login.html", email="")


@blueprint.post("/login")
@allow_public
@limiter.limit("10 per minute; 60 per hour")
def submit_sign_in() -> Response:
    """Sign in with e-mail and password."""
    email = request.form.get("email", "")
    user = accounts.find_user(db.session(), email)
    if not get_passwords().verify(user, request.form.get("password", "")) or user is None:
        return show("auth/login.html", status=422, email=email, problem=BAD_CREDENTIALS)
    begin_session(user)
    return redirect(get_safe_path(request.args.get("next")) or url_for("home"))


@blueprint.post("/logout")
@require_role(Role.VIEWER)
def sign_out() -> Response:
    """Sign out: the session ends also for whoever has kept a copy of its cookie."""
    user_id, session_id = current_user.id, current_user.session_id
    services().database.write(lambda writing: sessions.end(writing, user_id, session_id))
    clear_session()
    return redirect(url_for("auth.show_sign_in"))


def begin_session(user: User) -> None:
    """Start a fresh session for `user`; one that this browser had before ends."""
    former = (current_user.id, current_user.session_id) if current_user.is_authenticated else None
    session.clear()
    session.permanent = True
    session[TOKEN_KEY] = token = secrets.token_urlsafe(32)
    login_user(user)
    now, user_id = services().clock(), user.id
    device = sessions.describe_device(request.headers.get("User-Agent", ""))

    def begin(writing: Any) -> None:
        if former:
            sessions.end(writing, *former)
        sessions.begin(writing, user_id, token, to_storable(device), now)

    services().database.write(begin)


def get_passwords() -> Passwords:
    """Return the app's password hashing."""
    return services().get(Passwords)
