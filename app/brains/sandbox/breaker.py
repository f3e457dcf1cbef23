"""Pauses a brain whose children die one after the other, so that it cannot take the machine with it."""

from collections import deque
from collections.abc import Callable

from app.brains import limits


class Breaker:
    """Opens for `PAUSE_SECONDS` after `DEATHS` deaths of one version within `DEATHS_SECONDS`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deaths: dict[int, deque[float]] = {}
        self._open_until: dict[int, float] = {}

    def note_death(self, version_id: int) -> None:
        """Count one child of this version that had to be thrown away."""
        now = self._clock()
        deaths = self._deaths.setdefault(version_id, deque(maxlen=limits.DEATHS))
        deaths.append(now)
        if len(deaths) == limits.DEATHS and now - deaths[0] <= limits.DEATHS_SECONDS:
            self._open_until[version_id] = now + limits.PAUSE_SECONDS
            del self._deaths[version_id]

    def is_open(self, version_id: int) -> bool:
        """Tell whether this version is paused now."""
        until = self._open_until.get(version_id)
        if until is None or self._clock() < until:
            return until is not None
        del self._open_until[version_id]
        return False
