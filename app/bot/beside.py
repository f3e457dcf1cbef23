"""Slow work beside the messages: a thread that looks for it again and again, whatever goes wrong with one look."""

import threading
from collections.abc import Callable
from typing import Final

# Seconds between two looks: what came a moment ago is seen this much later.
LOOK_EVERY: Final = 1.0


class Beside:
    """One thread of a worker; `look` says true when there may be more, `failed` writes down why a look broke off.

    It looks every `pause` seconds, and after `breath` seconds while there is more.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], bool | None],
        failed: Callable[[Exception], None],
        *,
        pause: float = LOOK_EVERY,
        breath: float = 0.0,
    ) -> None:
        self._look = look
        self._failed = failed
        self._pause = pause
        self._breath = breath
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Look no more, and wait at most `timeout` seconds for the look under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _loop(self) -> None:
        pause = self._pause
        while not self._stopping.wait(pause):
            pause = self._breath if self._more() else self._pause

    def _more(self) -> bool:
        try:
            return bool(self._look())
        except Exception as error:  # noqa: BLE001  the next look takes up whatever this one left
            self._failed(error)
            return False
