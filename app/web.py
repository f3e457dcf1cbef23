"""Extension singletons, the house's shared parts, security headers and request ids."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app.db import Base, engine_options, prepare_engine
from app.settings import ROOT, Settings
from app.vault import Vault
from app.writer import Database

db = SQLAlchemy(model_class=Base)
csrf = CSRFProtect()
login = LoginManager()
migrate = Migrate(render_as_batch=True, directory=str(ROOT / "migrations"))
socketio = SocketIO()
limiter = Limiter(get_remote_address, strategy="fixed-window")

DAY = 86_400
MAX_FORM = 4 * 1024 * 1024


def now_ms() -> int:
    """Return the present moment in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class House:
    """What every part of one process shares."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Callable[[], int] = field(default=now_ms)


def house() -> House:
    """Return the shared parts of the current app."""
    return current_app.extensions["house"]


def init_app(app: Flask, settings: Settings) -> None:
    """Configure Flask and its extensions."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=MAX_FORM,
        MAX_FORM_MEMORY_SIZE=MAX_FORM,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https_only,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.https_only,
        PERMANENT_SESSION_LIFETIME=14 * DAY,
        # An answer that brought nothing new would write the session of its beginning over a newer one: a notice
        # would be lost, or a sign-out undone, by a live look that was under way.
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_KEY_PREFIX="brainbox",
    )
    for extension in (db, csrf, login, limiter):
        extension.init_app(app)
    migrate.init_app(app, db)
    with app.app_context():
        engine = prepare_engine(db.engine)
    database = Database(engine, Path(settings.brainbox_data))
    app.extensions["house"] = House(settings, database, Vault(settings))
    app.before_request(_begin_request)
    app.after_request(_secure)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def init_socketio(app: Flask, settings: Settings) -> None:
    """Mount Socket.IO for the browsers of this process (app.realtime.relay joins the processes)."""
    socketio.init_app(
        app,
        async_mode="threading",
        cors_allowed_origins=settings.public_url or None,  # pyright: ignore[reportArgumentType]  None = own origin
        manage_session=False,
        ping_interval=25,
        ping_timeout=20,
        max_http_buffer_size=16_384,
    )


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Believe the proxies in front about who calls and by which address; nobody else is believed."""
    n = settings.trusted_proxies
    if n:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)


def csp_nonce() -> str:
    """Return this response's nonce for our own script and style elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


def partial() -> bool:
    """Tell whether htmx asks for a fragment of the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def _begin_request() -> None:
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _secure(response: Response) -> Response:
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
        headers.setdefault("Strict-Transport-Security", f"max-age={365 * DAY}")
    return response
