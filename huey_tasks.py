"""The queue: a doorbell. Huey deletes a task when it is taken, so a task only says "look"; the rows are the truth.

Run as `python huey_tasks.py` for a worker of its own (production), or joined by the web process (embedded).
"""

import gc
import json
import threading
import time
from typing import Any

import structlog
from flask import Flask
from huey import MemoryHuey, RedisHuey
from huey.consumer import Consumer
from huey.exceptions import HueyException
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import MemoryStorage
from redis.exceptions import RedisError

from app import create_app
from app.bot.wiring import Bot
from app.bot.worker import Heart, Worker
from app.settings import Settings
from app.signals import work_ready

log = structlog.get_logger(__name__)

QUEUE = "brainbox"
# Bells closer together than this say nothing new; where many messages share a bell, fewer bells do.
QUIET = 0.002
BUSY_QUIET = 0.01
SHUTDOWN = 20


class JsonSerializer(Serializer):
    """Tasks as JSON: with pickle, who can write to Redis could run code in the workers."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


class BlockingStorage(MemoryStorage):
    """Memory storage whose consumer sleeps until a task comes, instead of polling."""

    blocking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._filled = threading.Condition()

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Add a task and wake a consumer."""
        with self._filled:
            super().enqueue(data, priority)
            self._filled.notify()

    def dequeue(self) -> bytes | None:
        """Take a task, waiting a second for one."""
        with self._filled:
            data = super().dequeue()
            if data is None and self._filled.wait(1):
                data = super().dequeue()
            return data


def make_huey(settings: Settings) -> MemoryHuey | RedisHuey:
    """Build the queue: in this process, or in Redis when there is one."""
    if settings.embedded:
        return MemoryHuey(QUEUE, storage_class=BlockingStorage, results=False, serializer=JsonSerializer())
    return RedisHuey(QUEUE, url=settings.redis_url, results=False, serializer=JsonSerializer())


huey = make_huey(Settings())
_worker: Worker | None = None
_heart: Heart | None = None


@huey.task(name="brainbox.look")
def look() -> None:
    """Have this process's worker look for chats that are ready."""
    if _worker:
        _worker.wake()


class Ringer:
    """Rings the bell from a thread of its own, many wishes to a ring: no webhook waits for Redis."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._wishes = 0
        self._thread = threading.Thread(target=self._loop, name="ringer", daemon=True)

    def start(self) -> None:
        """Listen for work that was stored."""
        work_ready.connect(self._hear)
        self._thread.start()

    def _hear(self, _sender: Any, **_facts: Any) -> None:
        self._wishes += 1
        self._wanted.set()

    def _loop(self) -> None:
        silent = False
        while True:
            self._wanted.wait()
            self._wanted.clear()
            quiet = BUSY_QUIET if self._wishes > 2 else QUIET
            self._wishes = 0
            try:
                look()
                silent = False
            except (RedisError, HueyException) as error:
                # The sweep of the worker finds the rows all the same.
                if not silent:
                    log.warning("bell not rung", reason=type(error).__name__)
                silent = True
            time.sleep(quiet)


def settle() -> None:
    """Spare the garbage collector what stays for good: otherwise it walks all modules at every turn of the heap."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def start_worker(app: Flask) -> Worker:
    """Start the worker of this process and its heartbeat."""
    global _worker, _heart  # noqa: PLW0603  one worker a process, found by the task
    bot: Bot = app.extensions["bot"]
    _worker = bot.worker()
    _worker.start()
    _heart = bot.heart(_worker)
    _heart.start()
    return _worker


def stop_worker() -> None:
    """Stop the worker of this process, letting sends under way finish."""
    if _worker:
        _worker.stop()
    if _heart:
        _heart.stop()


class JoinedConsumer(Consumer):
    """A consumer inside another program, which keeps the signal handlers."""

    def _set_signal_handlers(self) -> None:
        pass


def run() -> None:
    """Run a worker of its own until SIGTERM."""
    app = create_app(Settings())
    consumer = huey.create_consumer(
        workers=1, worker_type="thread", periodic=False, graceful_signal="TERM", shutdown_timeout=SHUTDOWN
    )
    start_worker(app)
    settle()
    try:
        consumer.run()
    finally:
        stop_worker()
        app.extensions["bot"].close()
        app.extensions["house"].database.writer.close()


if __name__ == "__main__":
    import huey_tasks

    # Not as __main__: its tasks would be registered under another module than the web process knows.
    huey_tasks.run()
