"""Web entry: `app` for any WSGI server, and `python wsgi.py` for the one Brainbox ships with.

Without REDIS_URL the worker joins this process (the embedded default). Gunicorn's first process only watches the one
that serves: it loads nothing of the application but its settings, which saves some 80 MB.
"""

import os
import shutil
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from app import create_app
from app.bot.worker.process_lock import WorkerNameError, lock_data_folder
from app.data_folder import set_private_umask
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.bot.health.heartbeat import Heartbeat
    from app.bot.ingest.server import EdgeServer
    from app.services import Services

GRACEFUL_TIMEOUT_S = 25


class Server(BaseApplication):
    """Gunicorn with threads, one process: Socket.IO needs each browser to stay with its process.

    It listens on a socket of its own behind the front (app.bot.ingest.server), which answers webhooks and passes
    pages on.
    """

    def __init__(self, settings: Settings, listener: socket.socket, inner: str) -> None:
        self._settings = settings
        self.listener = listener
        self.inner_socket = inner
        self._front: EdgeServer | None = None
        self._heart: Heartbeat | None = None
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings (specs: durability 3.1 and 4.1)."""
        options: dict[str, Any] = {
            "bind": f"unix:{self.inner_socket}",
            "umask": 0o077,
            "proxy_protocol": "v1",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.web_threads,
            "worker_connections": self._settings.web_threads * 4,
            "keepalive": 2,
            "timeout": 60,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "loglevel": "warning",
            "post_worker_init": self._start_services,
            "worker_exit": self._stop_services,
            "proc_name": "brainbox",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the app, in the process that serves it."""
        import app.lean_imports  # noqa: F401, PLC0415  before all that loads these libraries

        return create_app(self._settings)

    def _start_services(self, worker: Any) -> None:
        """Start what runs beside the web server; threads must not cross a fork."""
        from app.web import build_session_check  # noqa: PLC0415  in the process that serves

        services: Services = worker.wsgi.extensions["services"]
        self._heart = start(services)
        self._front = services.build_edge_server(build_session_check(worker.wsgi))
        self._front.start(self.listener, self.inner_socket)

    def _stop_services(self, _server: Any, worker: Any) -> None:
        import huey_tasks  # noqa: PLC0415  in the process that serves

        services: Services = worker.wsgi.extensions["services"]
        if self._front:
            self._front.stop(GRACEFUL_TIMEOUT_S)
        huey_tasks.worker_process.stop()
        if self._heart:
            self._heart.stop()
        services.close()
        services.database.writer.close()


def start(services: "Services") -> "Heartbeat":
    """Start what a web process runs beside its server, embedded also the worker; return the heartbeat."""
    import structlog  # noqa: PLC0415  in the process that serves

    import huey_tasks  # noqa: PLC0415

    settings = services.settings
    services.logs.attach("embedded" if settings.is_embedded else "web")
    services.start()
    services.realtime.listen()
    heart = services.build_heartbeat()
    heart.start()
    if settings.is_embedded:
        huey_tasks.worker_process.start(services)
    else:
        huey_tasks.WorkNotifier().start()
    huey_tasks.tune_interpreter()
    log = structlog.get_logger(__name__)
    log.info("web started", address=f"http://{settings.host}:{settings.port}", embedded=settings.is_embedded)
    return heart


def listen(settings: Settings) -> socket.socket:
    """Take the public address before anything else starts; raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=1024)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    set_private_umask()
    settings = load_settings()
    try:
        held = lock_data_folder(settings.brainbox_data) if settings.is_embedded else None
        listener = listen(settings)
    except WorkerNameError as error:
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
    set_private_umask()
    app = create_app()
