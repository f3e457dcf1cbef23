"""Web entry: `app` for any WSGI server, and `python wsgi.py` for the one Brainbox ships with.

Without REDIS_URL the worker joins this process (the embedded default).
"""

import os
import sys
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication

import huey_tasks
from app import create_app, realtime
from app.bot.wiring import Bot
from app.bot.worker import NameTaken, only_copy
from app.settings import Settings

log = structlog.get_logger(__name__)

GRACEFUL = 25


class Server(BaseApplication):
    """Gunicorn with threads, one process: Socket.IO needs each browser to stay with its process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings (specs: durability 3.1 and 4.1)."""
        options: dict[str, Any] = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.web_threads,
            "worker_connections": self._settings.web_threads * 4,
            "keepalive": 75,
            "timeout": 60,
            "graceful_timeout": GRACEFUL,
            "loglevel": "warning",
            "post_worker_init": _join,
            "worker_exit": _leave,
            "proc_name": "brainbox",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the app, in the process that serves it."""
        return create_app(self._settings)


def _join(worker: Any) -> None:
    """Start what runs beside the web server; threads must not cross a fork."""
    start(worker.wsgi)


def start(app: Flask) -> None:
    """Start the bell, the heartbeat and, embedded, the worker of a web process."""
    settings: Settings = app.extensions["house"].settings
    bot: Bot = app.extensions["bot"]
    huey_tasks.Ringer().start()
    realtime.listen(app)
    app.extensions["heart"] = bot.heart()
    app.extensions["heart"].start()
    if settings.embedded:
        huey_tasks.start_worker(app)
        consumer = huey_tasks.JoinedConsumer(huey_tasks.huey, workers=1, periodic=False)
        consumer.start()
    huey_tasks.settle()
    log.info("web started", address=f"http://{settings.host}:{settings.port}", embedded=settings.embedded)


def _leave(_server: Any, worker: Any) -> None:
    app: Flask = worker.wsgi
    huey_tasks.stop_worker()
    app.extensions["heart"].stop()
    app.extensions["bot"].close()
    app.extensions["house"].database.writer.close()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    settings = Settings()
    try:
        held = only_copy(settings.brainbox_data) if settings.embedded else None
    except NameTaken as error:
        sys.exit(str(error))
    shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104  a comparison
    sys.stderr.write(f"\n  Brainbox is at http://{shown}:{settings.port}\n\n")
    Server(settings).run()
    if held:
        held.close()


if __name__ == "__main__":
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    main()
else:
    app = create_app()
