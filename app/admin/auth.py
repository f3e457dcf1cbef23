"""Sign-in and sign-out pages: password, second factor, and how long the second may take."""

import hashlib
import secrets
from typing import Any, Final

from flask import Blueprint, redirect, request, session, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response

from app.accounts import known_origins, second_factor, sessions, throttle, users
from app.accounts.roles import Right
from app.accounts.throttle import Admission, Attempt, Step
from app.accounts.users import Passwords, User
from app.admin.ui import responses
from app.admin.ui.device_cookie import read_origin, set_device_cookie
from app.admin.ui.permissions import TOKEN_KEY, clear_session, get_safe_path, require_right
from app.admin.ui.responses import show
from app.clock import MINUTE_MS
from app.services import services
from app.text import to_storable
from app.web import allow_public, db, limiter

blueprint = Blueprint("auth", __name__)

# One answer for both, so that nobody learns which addresses have an account.
BAD_CREDENTIALS = "This e-mail address and password do not belong together. Check both and try again."
BAD_CODE = "This code is wrong, too old or used. Wait for the next one, or use a recovery code."
# Where the cookie holds who has given the password and not yet the second factor.
PENDING_KEY: Final = "pending"
PENDING_MS: Final = 10 * MINUTE_MS
# Against floods only: guesses are slowed by app.accounts.throttle, which knows whom it may slow.
FLOOD_LIMIT: Final = "300 per minute"


@blueprint.get("/login")
@allow_public
def show_sign_in() -> Response:
    """Show the sign-in form, or the first-run pages while there is no user."""
    if not users.has_users(db.session()):
        return redirect(url_for("setup.show_account"))
    return show("auth/login.html", email="")


@blueprint.post("/login")
@allow_public
@limiter.limit(FLOOD_LIMIT)
def submit_sign_in() -> Response:
    """Sign in with e-mail and password, or go on to the second factor."""
    email = request.form.get("email", "")[:254]
    user = users.find_user(db.session(), email)
    admission = _admit(Step.PASSWORD, email, user)
    if admission.blocked_until:
        return _show_blocked("auth/login.html", admission, email=email)
    is_right = get_passwords().verify(user, request.form.get("password", ""))
    if not is_right or user is None or user.deactivated_at:
        _note_failure(Step.PASSWORD, admission, user)
        return show("auth/login.html", status=422, email=email, problem=BAD_CREDENTIALS)
    services().database.write(lambda writing: throttle.forgive(writing, admission))
    address = get_safe_path(request.args.get("next"))
    if second_factor.is_enabled(db.session(), user.id):
        session[PENDING_KEY] = [user.id, services().clock(), _compute_mark(user)]
        return redirect(url_for("auth.show_code", next=address))
    begin_session(user)
    return redirect(address or url_for("home"))


@blueprint.get("/login/code")
@allow_public
def show_code() -> Response:
    """Show the form of the second factor to who has given the password."""
    if _load_pending() is None:
        return redirect(url_for("auth.show_sign_in"))
    return show("auth/code.html")


@blueprint.post("/login/code")
@allow_public
@limiter.limit(FLOOD_LIMIT)
def submit_code() -> Response:
    """Sign in with a code of the app, or a recovery code."""
    user = _load_pending()
    if user is None:
        return redirect(url_for("auth.show_sign_in"))
    admission = _admit(Step.CODE, user.email, user)
    if admission.blocked_until:
        return _show_blocked("auth/code.html", admission)
    user_id, now, code = user.id, services().clock(), request.form.get("code", "")[:40]
    secret = second_factor.load_secret(db.session(), user_id, services().vault)
    write = services().database.write
    if not write(lambda writing: second_factor.use_code(writing, user_id, secret, code, now)):
        _note_failure(Step.CODE, admission, user)
        return show("auth/code.html", status=422, problem=BAD_CODE)
    write(lambda writing: throttle.forgive(writing, admission))
    begin_session(user)
    return redirect(get_safe_path(request.args.get("next")) or url_for("home"))


@blueprint.post("/logout")
@require_right(Right.ACCOUNT)
def sign_out() -> Response:
    """Sign out: the session ends also for whoever has kept a copy of its cookie."""
    user_id, session_id = current_user.id, current_user.session_id
    services().database.write(lambda writing: sessions.sign_out(writing, user_id, session_id))
    clear_session()
    return redirect(url_for("auth.show_sign_in"))


def begin_session(user: User) -> None:
    """Start a fresh session for `user`; one that this browser had before ends."""
    former = (current_user.id, current_user.session_id) if current_user.is_authenticated else None
    session.clear()
    session.permanent = True
    session[TOKEN_KEY] = token = secrets.token_urlsafe(32)
    login_user(user)
    now, user_id, origin = services().clock(), user.id, set_device_cookie()
    device = to_storable(sessions.describe_device(request.headers.get("User-Agent", "")))
    place = (device, request.remote_addr or "")

    def begin(writing: Any) -> None:
        if former:
            sessions.end(writing, *former)
        sessions.begin(writing, user_id, token, place, now)
        known_origins.remember(writing, user_id, origin, now)

    services().database.write(begin)
    factor = second_factor.get_factor(db.session(), user_id)
    if factor and factor.reset_at:
        responses.flash_notice(
            "An owner has reset your second factor. Set it up again under “Your account”.", "bad"
        )


def get_passwords() -> Passwords:
    """Return the app's password hashing."""
    return services().get(Passwords)


def _admit(step: Step, email: str, user: User | None) -> Admission:
    attempt = Attempt(step, email, user.id if user else None, read_origin())
    now = services().clock()
    return services().database.write(lambda writing: throttle.admit(writing, attempt, now))


def _note_failure(step: Step, admission: Admission, user: User | None) -> None:
    if admission.begins_lockout:
        services().database.write(lambda writing: throttle.note_lockout(writing, step, user))


def _show_blocked(template: str, admission: Admission, **context: Any) -> Response:
    wait_ms = admission.blocked_until - services().clock()
    answer = show(template, status=429, blocked_until=admission.blocked_until, wait_ms=wait_ms, **context)
    answer.headers["Retry-After"] = str(wait_ms // 1000 + 1)
    return answer


def _load_pending() -> User | None:
    """Return who has given the password a moment ago; None also when it was changed meanwhile."""
    user_id, given_at, mark = session.get(PENDING_KEY) or (0, 0, "")
    if given_at <= services().clock() - PENDING_MS:
        return None
    user = db.session.get(User, user_id)
    return user if user and not user.deactivated_at and _compute_mark(user) == mark else None


def _compute_mark(user: User) -> str:
    """Return what tells one password of a user from the next; nothing can be read out of it."""
    return hashlib.sha256(f"{PENDING_KEY}:{user.password_hash}".encode()).hexdigest()
