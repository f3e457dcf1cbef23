"""The eraser: erases people who were asked for and forgets what is old, beside the messages' own way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from app.bot.privacy.erasing import Erasing
from app.bot.privacy.retaining import Retaining

log = structlog.get_logger(__name__)

# Seconds between two looks for people; looks for what is old are this many times rarer, unless there is more.
LOOK_EVERY: Final = 1.0
RARER: Final = 600


class Eraser:
    """One thread of a worker; what it does not end another worker takes up."""

    def __init__(self, erasing: Erasing, retaining: Retaining) -> None:
        self._erasing = erasing
        self._retaining = retaining
        self._looks = 0
        self._stopping = threading.Event()
        self._steps = ThreadPoolExecutor(1, "erasing")
        self._thread = threading.Thread(target=self._loop, name="eraser", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._steps.shutdown(wait=False, cancel_futures=True)

    def look(self) -> None:
        """Erase the next person, if anybody is to be erased, and now and then forget what is old."""
        erasure_id = self._erasing.take()
        if erasure_id is not None:
            self._erasing.work(erasure_id)
        self._looks += 1
        if self._looks >= RARER:
            self._looks = RARER if self._retaining.look() else 0

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            error = self._steps.submit(self.look).exception()
            if error:
                # Taken up again when its turn comes: whatever is done stays done.
                log.error("erasing broken off", reason=type(error).__name__)
