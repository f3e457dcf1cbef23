"""The queue of one task that wakes workers; huey deletes a task when it is taken, but the rows are the truth.

Run as `python huey_tasks.py` for a worker of its own (production), or joined by the web process (embedded), which wakes
it without a queue (docs/decisions/0020).
"""

import app.lean_imports  # noqa: F401, I001  before all that loads these libraries
import gc
import json
import sys
import threading
import time

import structlog
from huey import MemoryHuey, RedisHuey
from huey.exceptions import HueyException
from huey.registry import Message
from huey.serializer import Serializer

import huey_tasks
from app import build_worker_services
from app.bot.health.heartbeat import Heartbeat
from app.bot.worker.worker import Worker
from app.data_folder import set_private_umask
from app.services import Services
from app.settings import Settings, load_settings
from app.signals import work_ready

log = structlog.get_logger(__name__)

QUEUE = "brainbox"
# Tasks closer together (s) say nothing new; where many messages share one, fewer do.
MIN_INTERVAL_S = 0.002
BUSY_MIN_INTERVAL_S = 0.01
SHUTDOWN_TIMEOUT_S = 20
# A write gives up Python's lock some twenty times; behind a thread that draws a page, each costs this long (s).
SWITCH_INTERVAL_S = 0.001


class JsonSerializer(Serializer):
    """Serializer of tasks as JSON: with pickle, anyone who can write to Redis could run code in the workers."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def make_huey(settings: Settings) -> MemoryHuey | RedisHuey:
    """Build the queue in Redis; without one nothing is ever queued."""
    if settings.is_embedded:
        return MemoryHuey(QUEUE, results=False, serializer=JsonSerializer())
    return RedisHuey(QUEUE, url=settings.redis_url, results=False, serializer=JsonSerializer())


huey = make_huey(load_settings())


class WorkerProcess:
    """Worker of this process with its heartbeat, woken by tasks and by what this process itself commits.

    Before `start` tasks have no effect.

    Huey calls a task by its name, with plain data alone: so the task finds its worker in the module, and nothing else
    is kept here.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._heartbeat: Heartbeat | None = None

    def start(self, services: Services) -> None:
        """Start the worker and its heartbeat; raises WorkerNameError."""
        self._worker = services.build_worker()
        work_ready.connect(self._on_work_ready)
        self._worker.start()
        self._heartbeat = services.build_heartbeat(self._worker)
        self._heartbeat.start()

    def wake(self) -> None:
        """Wake the worker to claim ready chats."""
        if self._worker:
            self._worker.wake()

    def _on_work_ready(self, **_facts: object) -> None:
        if self._worker:
            self._worker.wake_after_commit()

    def stop(self) -> None:
        """Stop the worker after the sends in flight, then its heartbeat."""
        work_ready.disconnect(self._on_work_ready)
        if self._worker:
            self._worker.stop()
        if self._heartbeat:
            self._heartbeat.stop()


worker_process = WorkerProcess()


@huey.task(name="brainbox.look")
def wake_worker() -> None:
    """Wake this process's worker to claim ready chats."""
    worker_process.wake()


class WorkNotifier:
    """Thread that queues the wake-up task, once for many signals, so that no webhook waits for Redis."""

    def __init__(self) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415  embedded does without Redis

        self._errors = (RedisError, HueyException)
        self._work_waiting = threading.Event()
        self._notifications = 0
        self._thread = threading.Thread(target=self._loop, name="work-notifier", daemon=True)

    def start(self) -> None:
        """Start the thread and listen for `work_ready`."""
        work_ready.connect(self._on_work_ready)
        self._thread.start()

    def _on_work_ready(self, **_facts: object) -> None:
        self._notifications += 1
        self._work_waiting.set()

    def _loop(self) -> None:
        silent = False
        while True:
            self._work_waiting.wait()
            self._work_waiting.clear()
            quiet = BUSY_MIN_INTERVAL_S if self._notifications > 2 else MIN_INTERVAL_S
            self._notifications = 0
            try:
                wake_worker()
                silent = False
            except self._errors as error:
                # The sweep of the worker finds the rows all the same.
                if not silent:
                    log.warning("worker not woken", reason=type(error).__name__)
                silent = True
            time.sleep(quiet)


def tune_interpreter() -> None:
    """Set how often threads take turns, and keep loaded modules out of garbage collection, which would walk them."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()


def run() -> None:
    """Run a standalone worker until SIGTERM."""
    set_private_umask()
    services = build_worker_services(load_settings())
    services.logs.attach("worker")
    services.start()
    consumer = huey.create_consumer(
        workers=1,
        worker_type="thread",
        periodic=False,
        graceful_signal="TERM",
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
    )
    worker_process.start(services)
    tune_interpreter()
    try:
        consumer.run()
    finally:
        worker_process.stop()
        services.close()
        services.database.writer.close()


if __name__ == "__main__":
    import huey_tasks

    # Not as __main__: its tasks would be registered under another module than the web process knows.
    huey_tasks.run()
