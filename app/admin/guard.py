"""Who may see what: the sign-in check and the role each page asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import accounts
from app.accounts import Role, User
from app.web import db, login, partial

View = Callable[..., Any]


def init_app(app: Flask) -> None:
    """Load users from sessions and send strangers to the door."""
    login.user_loader(load_user)
    login.unauthorized_handler(to_the_door)
    app.jinja_env.globals["Role"] = Role


def load_user(identity: str) -> User | None:
    """Find the user of a session; None when there is none or the session was ended."""
    number, _, epoch = identity.partition(".")
    if not (number.isdecimal() and epoch.isdecimal()):
        return None
    user = db.session.get(User, int(number))
    return user if user and user.session_epoch == int(epoch) else None


def needs(role: Role) -> Callable[[View], View]:
    """Let a view be used only by who is signed in with at least `role`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return to_the_door()
            if not current_user.may(role):
                abort(403)
            return view(*args, **kwargs)

        guarded.needs_role = role  # type: ignore[attr-defined]  a test looks for it on every route
        return guarded

    return decorate


def to_the_door() -> Response:
    """Send a stranger to sign in, or to the first-run pages while there is no user."""
    if not accounts.any_user(db.session()):
        return leave_to(url_for("setup.account"))
    here = request.full_path.rstrip("?") if request.method == "GET" and not partial() else None
    return leave_to(url_for("auth.sign_in", next=here))


def leave_to(address: str) -> Response:
    """Redirect the whole page, also when htmx asked for a part of it."""
    if partial():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def own_path(address: str | None) -> str | None:
    """Return `address` when it is a path of this site, so that sign-in cannot send people elsewhere."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return None
    parts = urlsplit(address)
    return None if parts.scheme or parts.netloc else address
