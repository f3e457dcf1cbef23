"""The application factory: a table of contents."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the web application from `settings`, by default the environment's."""
    # Here and not above: whoever imports one part, such as app.brains, must not load Flask and all the rest.
    from flask import Flask  # noqa: PLC0415

    from app import admin, cli, realtime, web  # noqa: PLC0415
    from app.bot import wiring  # noqa: PLC0415
    from app.logs import configure_logs  # noqa: PLC0415
    from app.settings import Settings  # noqa: PLC0415

    settings = settings or Settings()
    configure_logs(settings)
    app = Flask(__name__, static_folder="static", template_folder="admin/templates")
    web.init_app(app, settings)
    realtime.init_app(app)
    admin.init_app(app)
    cli.init_app(app)
    web.init_socketio(app, settings)
    # Late, so that the webhook intake stands in front of all of these.
    wiring.init_app(app)
    web.trust_proxies(app, settings)
    return app
