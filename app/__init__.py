"""Brainbox: WhatsApp bots that operators write in the browser; `create_app` puts the parts together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.services import Services
    from app.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the web application from `settings`, by default the environment's."""
    # Here and not above: whoever imports one part, such as app.brains, must not load Flask and all the rest.
    from flask import Flask  # noqa: PLC0415

    from app import admin, cli, services, web  # noqa: PLC0415
    from app.api import health, logs  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = settings or load_settings()
    _prepare(settings)
    app = Flask(__name__, static_folder="static", template_folder="templates")
    services.init_app(app, settings, web.init_app(app, settings))
    admin.init_app(app)
    cli.init_app(app)
    app.register_blueprint(health.probes)
    app.extensions["services"].realtime.mount(app, settings)
    # Late, so that the webhook endpoint stands in front of all of these.
    app.wsgi_app = app.extensions["services"].webhook.mount(app.wsgi_app)
    app.wsgi_app = logs.mount(app.extensions["services"].logs.endpoint, app.wsgi_app)  # type: ignore[method-assign]
    web.trust_proxies(app, settings)
    return app


def build_worker_services(settings: "Settings") -> "Services":
    """Build the services of a worker of its own: without Flask's application and the pages, which take 16 MB."""
    from pathlib import Path  # noqa: PLC0415

    from app import services, tables  # noqa: F401, PLC0415  tables: what foreign keys lead to must be known
    from app.db.engine import make_engine  # noqa: PLC0415
    from app.db.writer import Database  # noqa: PLC0415

    _prepare(settings)
    database = Database(make_engine(settings.database_url), Path(settings.brainbox_data))
    return services.build_services(settings, database)


def _prepare(settings: "Settings") -> None:
    from app import data_folder  # noqa: PLC0415
    from app.logs import configure_logs  # noqa: PLC0415

    configure_logs(settings)
    data_folder.set_private_modes(settings.brainbox_data)
    if settings.sqlite_path:
        data_folder.create_private(settings.sqlite_path)
