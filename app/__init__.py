"""The application factory: a table of contents."""

from flask import Flask

from app import admin, bot, cli, realtime, web
from app.logs import configure_logs
from app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Build the web application."""
    settings = settings or Settings()
    configure_logs(settings)
    app = Flask(__name__, static_folder="static", template_folder="admin/templates")
    web.init_app(app, settings)
    realtime.init_app(app)
    admin.init_app(app)
    cli.init_app(app)
    web.init_socketio(app, settings)
    # Last, so that the webhook intake stands in front of everything else.
    bot.init_app(app)
    return app
