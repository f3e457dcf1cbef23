"""Flask extensions, security headers (CSP, HSTS), session cookie, form size limit, request rate limiter."""

import gzip
import io
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog
from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app import request_input
from app.accounts.users import SESSION_DAYS
from app.db.actor import SYSTEM, Actor, ActorKind, set_actor
from app.db.engine import build_engine_options, prepare_engine
from app.db.schema import Base
from app.db.writer import Database
from app.settings import ROOT, Settings

View = TypeVar("View", bound=Callable[..., Any])

db = SQLAlchemy(model_class=Base)
csrf = CSRFProtect()
login = LoginManager()
limiter = Limiter(get_remote_address, strategy="fixed-window")

DAY_S = 86_400
MAX_FORM_BYTES = 4 * 1024 * 1024
# Below this, compression costs more than it saves.
MIN_COMPRESSED_BYTES = 1_000
PADDING_BYTES = 64
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask, settings: Settings) -> Database:
    """Configure Flask and its extensions; return the database they share with the pipeline."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=build_engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        # Cookies know no ports: two installations on one host would sign each other out under one name.
        SESSION_COOKIE_NAME=f"brainbox_{settings.installation_id}",
        REMEMBER_COOKIE_NAME=f"brainbox_{settings.installation_id}_remember",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https_only,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.https_only,
        PERMANENT_SESSION_LIFETIME=SESSION_DAYS * DAY_S,
        # An answer that brought nothing new would write the session of its beginning over a newer one: a notice
        # would be lost, or a sign-out undone, by a live look that was under way.
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_KEY_PREFIX="brainbox",
    )
    request_input.init_app(app)
    for extension in (db, csrf, login, limiter):
        extension.init_app(app)
    if click.get_current_context(silent=True):
        init_migrations(app)
    with app.app_context():
        engine = prepare_engine(db.engine)
    app.before_request(_begin_request)
    app.teardown_request(_end_request)
    app.after_request(_set_security_headers)
    app.after_request(_compress_page)
    app.jinja_env.globals["csp_nonce"] = get_csp_nonce
    return Database(engine, Path(settings.brainbox_data))


def init_migrations(app: Flask) -> None:
    """Let `flask db` work on this app; Alembic takes memory (7 MB) that no server needs."""
    from flask_migrate import Migrate  # noqa: PLC0415

    Migrate(app, db, render_as_batch=True, directory=str(ROOT / "migrations"))


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Believe the proxies in front about who calls and by which address; nobody else is believed."""
    n = settings.trusted_proxies
    if n:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)


def build_session_check(app: Flask) -> Callable[[str], bool]:
    """Return a check of a Cookie header: whether it holds a session of ours in which somebody signed in.

    It reads the signature alone, without the database: whether that session has ended since, its request finds out.
    """

    def is_signed_in(cookie: str) -> bool:
        request = app.request_class({"HTTP_COOKIE": cookie, "REQUEST_METHOD": "GET"})
        session = app.session_interface.open_session(app, request)
        return session is not None and "_user_id" in session

    return is_signed_in


def get_csp_nonce() -> str:
    """Return this response's nonce for our own script and style elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


def allow_public(view: View) -> View:
    """Mark a view as open to everybody; a view without this or a role is refused (app.admin.ui.permissions)."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def is_fragment_request() -> bool:
    """Tell whether htmx asks for a fragment of the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def _begin_request() -> None:
    # Given by a proxy or another service, so that their lines and ours are found together.
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    # Whoever is signed in is named by the check of their right (app.admin.ui.permissions).
    set_actor(Actor(ActorKind.PERSON, address=request.remote_addr, request_id=g.request_id))


def _end_request(_error: BaseException | None) -> None:
    set_actor(SYSTEM)


def _compress_page(response: Response) -> Response:
    """Compress a page or its data for a browser that takes it; files are compressed by app.admin.ui.assets."""
    if (
        response.mimetype not in {"text/html", "application/json"}
        or response.is_streamed
        or response.direct_passthrough
    ):
        return response
    response.vary.add("Accept-Encoding")
    page = response.get_data()
    if len(page) < MIN_COMPRESSED_BYTES or "gzip" not in request.accept_encodings:
        return response
    packed = io.BytesIO()
    # The name in gzip's header has a length by chance: the size of a page tells nothing about a token in it (BREACH).
    name = "x" * (1 + secrets.randbelow(PADDING_BYTES))
    with gzip.GzipFile(name, "wb", compresslevel=5, fileobj=packed, mtime=0) as file:
        file.write(page)
    response.set_data(packed.getvalue())
    response.headers["Content-Encoding"] = "gzip"
    return response


def _set_security_headers(response: Response) -> Response:
    headers = response.headers
    nonce = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'self'; script-src 'self'{nonce}; style-src 'self'{nonce}; img-src 'self' data: blob:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'",
    )
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    headers["X-Request-Id"] = g.get("request_id", "")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.setdefault("Strict-Transport-Security", f"max-age={365 * DAY_S}")
    return response
