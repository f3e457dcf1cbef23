"""Signing in and out."""

from flask import Blueprint, current_app, redirect, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from app import accounts
from app.accounts import Passwords, Role, User
from app.admin.answers import show
from app.admin.guard import needs, own_path
from app.web import db, house, limiter

blueprint = Blueprint("auth", __name__)

# One answer for both, so that nobody learns which addresses have an account.
REFUSED = "This e-mail address and password do not belong together. Check both and try again."


@blueprint.get("/login")
def sign_in() -> Response:
    """Show the sign-in form, or the first-run pages while there is no user."""
    if not accounts.any_user(db.session()):
        return redirect(url_for("setup.account"))
    return show("auth/login.html", email="")


@blueprint.post("/login")
@limiter.limit("10 per minute; 60 per hour")
def enter() -> Response:
    """Sign in with e-mail and password."""
    email = request.form.get("email", "")
    user = accounts.find_user(db.session(), email)
    if not passwords().verify(user, request.form.get("password", "")) or user is None:
        return show("auth/login.html", status=422, email=email, problem=REFUSED)
    begin_session(user)
    return redirect(own_path(request.args.get("next")) or url_for("dashboard.board"))


@blueprint.post("/logout")
@needs(Role.VIEWER)
def sign_out() -> Response:
    """Sign out."""
    logout_user()
    session.clear()
    return redirect(url_for("auth.sign_in"))


def begin_session(user: User) -> None:
    """Start a fresh session for `user`."""
    session.clear()
    session.permanent = True
    login_user(user)
    now, user_id = house().clock(), user.id
    house().database.write(lambda writing: setattr(writing.get_one(User, user_id), "last_login_at", now))


def passwords() -> Passwords:
    """Return the app's password hashing."""
    return current_app.extensions["passwords"]
