"""Poller: a thread that calls a job every `interval` seconds; exceptions go to `on_error`."""

import threading
from collections.abc import Callable
from typing import Final

# Seconds between two runs of a job: new work waits this long at most.
POLL_INTERVAL_S: Final = 1.0


class Poller:
    """Thread that calls `job()` every `interval_s` seconds, and every `busy_interval_s` while it returns true.

    Exceptions of the job go to `on_error`, and the thread goes on.
    """

    def __init__(
        self,
        name: str,
        job: Callable[[], bool | None],
        on_error: Callable[[Exception], None],
        *,
        interval_s: float = POLL_INTERVAL_S,
        busy_interval_s: float = 0.0,
    ) -> None:
        self._job = job
        self._on_error = on_error
        self._interval_s = interval_s
        self._busy_interval_s = busy_interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop after the present job, and wait at most `timeout` seconds for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _loop(self) -> None:
        pause = self._interval_s
        while not self._stopping.wait(pause):
            pause = self._busy_interval_s if self._run_job() else self._interval_s

    def _run_job(self) -> bool:
        try:
            return bool(self._job())
        except Exception as error:  # noqa: BLE001  the next run takes up what this one left
            self._on_error(error)
            return False
