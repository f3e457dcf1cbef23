"""Pauses a brain whose children die one after the other, so that it cannot take the machine with it."""

from collections import deque
from collections.abc import Callable

from app.brains import limits


class Breaker:
    """Opens for `PAUSE_SECONDS` after `DEATHS` deaths of one owner within `DEATHS_SECONDS`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deaths: dict[str, deque[float]] = {}
        self._open_until: dict[str, float] = {}

    def note_death(self, owner: str) -> None:
        """Count one child of this owner that had to be thrown away."""
        now = self._clock()
        deaths = self._deaths.setdefault(owner, deque(maxlen=limits.DEATHS))
        deaths.append(now)
        if len(deaths) == limits.DEATHS and now - deaths[0] <= limits.DEATHS_SECONDS:
            self._open_until[owner] = now + limits.PAUSE_SECONDS
            del self._deaths[owner]

    def is_open(self, owner: str) -> bool:
        """Tell whether this owner is paused now."""
        until = self._open_until.get(owner)
        if until is None or self._clock() < until:
            return until is not None
        del self._open_until[owner]
        return False
