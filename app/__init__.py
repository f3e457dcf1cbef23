"""Brainbox: WhatsApp bots that operators write in the browser; `create_app` puts the parts together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the web application from `settings`, by default the environment's."""
    # Here and not above: whoever imports one part, such as app.brains, must not load Flask and all the rest.
    from flask import Flask  # noqa: PLC0415

    from app import admin, cli, data_folder, services, web  # noqa: PLC0415
    from app.api import health, logs  # noqa: PLC0415
    from app.logs import configure_logs  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = settings or load_settings()
    configure_logs(settings)
    data_folder.set_private_modes(settings.brainbox_data)
    if settings.sqlite_path:
        data_folder.create_private(settings.sqlite_path)
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
