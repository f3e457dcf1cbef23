"""Token bucket: a number a second with a burst, and the seconds to wait where there are too few."""

from collections.abc import Callable
from typing import Final

BURST_S: Final = 5  # s of the rate that may come at once


class TokenBucket:
    """Lets `rate` a second through, and a burst of BURST_S seconds; `clock` in seconds. For one thread at a time."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self._clock = clock
        self._left = rate * BURST_S
        self._at = clock()

    def take(self, count: int) -> float:
        """Take so many, at most a burst; returns 0, or the seconds to wait, and nothing is taken then."""
        now = self._clock()
        self._left = min(self.rate * BURST_S, self._left + (now - self._at) * self.rate)
        self._at = now
        wanted = min(count, self.rate * BURST_S)
        if wanted <= self._left:
            self._left -= wanted
            return 0
        return (wanted - self._left) / self.rate
