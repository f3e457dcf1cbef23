"""Host's deadline for one run, extended while its process waits for a processor."""

from typing import Final

from app.brains import limits
from app.brains.sandbox.process import Child

_EXTENSION_S: Final = 0.02  # seconds between looks at a process that is late


class Deadline:
    """Deadline of a child's current task, in seconds of the monotonic clock."""

    __slots__ = ("_enough", "_last", "until")

    def __init__(self) -> None:
        self.start(0.0)

    def start(self, now: float) -> None:
        """Start a new deadline."""
        self.until = now + limits.HARD_SECONDS
        self._last = now + limits.BUSY_SECONDS
        self._enough: float | None = None  # the child's processor time at which nothing excuses it any more

    def extend(self, seconds: float) -> None:
        """Exclude time in which the child waited for the host."""
        self.until += seconds
        self._last += seconds

    def is_over(self, now: float, child: Child) -> bool:
        """Tell whether the deadline is over; it moves for a child that had no processor so far."""
        if now <= self.until:
            return False
        had = child.read_cpu_seconds()
        if self._enough is None:
            self._enough = had + limits.SOFT_SECONDS
        if now >= self._last or had >= self._enough:
            return True
        self.until = min(now + _EXTENSION_S, self._last)
        return False
