"""Writes a second of a writer, over a short window."""

from typing import Final

RATE_WINDOW_S: Final = 0.05  # s over which the rate is measured


class WriteRate:
    """Writes a second, over the last full window."""

    def __init__(self) -> None:
        self.value = self._since = 0.0
        self._count = 0

    def add(self, count: int, now: float) -> None:
        """Count writes at a moment (s)."""
        self._count += count
        passed = now - self._since
        if passed >= RATE_WINDOW_S:
            self.value = self._count / passed
            self._since, self._count = now, 0
