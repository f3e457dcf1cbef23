"""Web entry: `app` for any WSGI server, and `python wsgi.py` for the one Brainbox ships with.

Without REDIS_URL the worker joins this process (the embedded default).
"""

import os
import shutil
import socket
import sys
import tempfile
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication

import huey_tasks
from app import create_app, realtime
from app.bot.front import Callers, Front
from app.bot.wiring import Bot
from app.bot.worker import NameTaken, only_copy
from app.settings import Settings

log = structlog.get_logger(__name__)

GRACEFUL = 25


class Server(BaseApplication):
    """Gunicorn with threads, one process: Socket.IO needs each browser to stay with its process.

    It listens on a socket of its own behind the front (app.bot.front), which answers webhooks and passes all other
    connections on.
    """

    def __init__(self, settings: Settings, listener: socket.socket, inner: str) -> None:
        self._settings = settings
        self.listener = listener
        self.inner = inner
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings (specs: durability 3.1 and 4.1)."""
        options: dict[str, Any] = {
            "bind": f"unix:{self.inner}",
            "umask": 0o077,
            "proxy_protocol": "v1",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.web_threads,
            "worker_connections": self._settings.web_threads * 4,
            "keepalive": 75,
            "timeout": 60,
            "graceful_timeout": GRACEFUL,
            "loglevel": "warning",
            "post_worker_init": self._join,
            "worker_exit": self._leave,
            "proc_name": "brainbox",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the app, in the process that serves it."""
        app = create_app(self._settings)
        app.wsgi_app = Callers(app.wsgi_app)
        return app

    def _join(self, worker: Any) -> None:
        """Start what runs beside the web server; threads must not cross a fork."""
        app: Flask = worker.wsgi
        start(app)
        front: Front = app.extensions["bot"].front()
        app.extensions["front"] = front
        front.start(self.listener, self.inner)

    def _leave(self, _server: Any, worker: Any) -> None:
        app: Flask = worker.wsgi
        app.extensions["front"].stop(GRACEFUL)
        huey_tasks.stop_worker()
        app.extensions["heart"].stop()
        app.extensions["bot"].close()
        app.extensions["house"].database.writer.close()


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


def listen(settings: Settings) -> socket.socket:
    """Take the public address before anything else starts; raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=1024)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    settings = Settings()
    try:
        held = only_copy(settings.brainbox_data) if settings.embedded else None
        listener = listen(settings)
    except NameTaken as error:
        sys.exit(str(error))
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        sys.exit(
            f"Brainbox cannot listen on {address}: {error.strerror}. Set HOST or PORT to something else."
        )
    shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104  a comparison
    sys.stderr.write(f"\n  Brainbox is at http://{shown}:{settings.port}\n\n")
    # In a folder of its own: a socket's path is short by law, a data folder's need not be.
    folder, first = tempfile.mkdtemp(prefix="brainbox-"), os.getpid()
    try:
        Server(settings, listener, f"{folder}/web.sock").run()
    finally:
        # A forked worker leaves by the same way: the folder is not its to take away.
        if os.getpid() == first:
            shutil.rmtree(folder, ignore_errors=True)
            if held:
                held.close()


if __name__ == "__main__":
    main()
else:
    app = create_app()
