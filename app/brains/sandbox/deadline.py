"""How long the host waits for one run: longer only while the process waits for a processor itself."""

from typing import Final

from app.brains import limits
from app.brains.sandbox.process import Child

_AGAIN: Final = 0.02  # seconds between looks at a process that is late


class Patience:
    """The host's deadline for what a child does now, in seconds of the monotonic clock."""

    __slots__ = ("_enough", "_last", "until")

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Begin anew."""
        self.until = now + limits.HARD_SECONDS
        self._last = now + limits.BUSY_SECONDS
        self._enough: float | None = None  # the child's processor time at which nothing excuses it any more

    def rest(self, seconds: float) -> None:
        """Leave out time in which the child waited for the host."""
        self.until += seconds
        self._last += seconds

    def is_over(self, now: float, child: Child) -> bool:
        """Tell whether the deadline is over; a child that had no processor till now gets it moved."""
        if now <= self.until:
            return False
        had = child.processor_seconds()
        if self._enough is None:
            self._enough = had + limits.SOFT_SECONDS
        if now >= self._last or had >= self._enough:
            return True
        self.until = min(now + _AGAIN, self._last)
        return False
