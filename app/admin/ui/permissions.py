"""Sign-in check, the right each view requires, and refusal of views that name none."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from app.accounts import sessions, users
from app.accounts.roles import Right
from app.accounts.users import User
from app.db.actor import Actor, ActorKind, get_actor, set_actor
from app.services import services
from app.web import db, is_fragment_request, login

View = Callable[..., Any]

# Where the cookie holds the token of its session.
TOKEN_KEY = "token"  # noqa: S105  a name


def init_app(app: Flask) -> None:
    """Load users from sessions, send strangers to sign in, and refuse every view that carries no mark."""
    login.user_loader(load_user)
    login.unauthorized_handler(redirect_to_sign_in)
    app.jinja_env.globals["Right"] = Right
    app.before_request(refuse_unmarked_view)


def load_user(identity: str) -> User | None:
    """Find the user of a session; None when there is none or the session was ended."""
    now = services().clock()
    found = sessions.find(db.session(), session.get(TOKEN_KEY, ""), now)
    if found is None or found.user.get_id() != identity:
        return None
    user, sign_in_id = found.user, found.sign_in.id
    if found.sign_in.seen_at <= now - sessions.SEEN_INTERVAL_MS:
        services().database.write(lambda writing: sessions.touch(writing, sign_in_id, now))
    user.session_id = sign_in_id
    return user


def clear_session() -> None:
    """Forget who was signed in with this browser."""
    logout_user()
    session.clear()


def require_right(right: Right) -> Callable[[View], View]:
    """Let a view be used only by who is signed in with `right`; a refusal names the roles that have it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return redirect_to_sign_in()
            if not current_user.has_right(right):
                abort(403, right)
            name_person(current_user)
            return view(*args, **kwargs)

        guarded.needs_right = right  # type: ignore[attr-defined]  what `refuse_unmarked_view` asks for
        return guarded

    return decorate


def name_person(user: Any) -> None:
    """Let what this request changes be done by a user, for the audit."""
    here = get_actor()
    set_actor(Actor(ActorKind.PERSON, user.id, user.email, here.address, here.request_id))


def refuse_unmarked_view() -> None:
    """Refuse, for everybody, a view with neither `require_right` nor `allow_public`: a forgotten mark opens nothing."""
    if request.endpoint is None or request.endpoint == "static":
        return
    view = current_app.view_functions[request.endpoint]
    if not (hasattr(view, "needs_right") or hasattr(view, "is_public")):
        abort(404)


def redirect_to_sign_in() -> Response:
    """Send who is not signed in to the sign-in page, or to the first-run pages while there is no user."""
    if not users.has_users(db.session()):
        return redirect_page(url_for("setup.show_account"))
    here = request.full_path.rstrip("?") if request.method == "GET" and not is_fragment_request() else None
    return redirect_page(url_for("auth.show_sign_in", next=here))


def redirect_page(address: str) -> Response:
    """Redirect the whole page, also when htmx asked for a part of it."""
    if is_fragment_request():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def get_safe_path(address: str | None) -> str | None:
    """Return `address` when it is a path of this site, so that sign-in cannot send people elsewhere."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return None
    parts = urlsplit(address)
    return None if parts.scheme or parts.netloc else address
