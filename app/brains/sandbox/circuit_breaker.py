"""Circuit breaker: holds a person, or a source, whose runs break the sandbox repeatedly (thresholds: brains/limits)."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from app.brains import limits

PARTY: Final = "party"
SOURCE: Final = "source"
_MAX_KEPT: Final = 4_096  # people and sources with deaths; the least recent go first


@dataclass(slots=True)
class _Circuit:
    """Latest deaths (moment, party) of one person or source, and until when it is held."""

    deaths: deque[tuple[float, str]] = field(
        default_factory=lambda: deque(maxlen=limits.BREAKER_CRASHES * limits.BREAKER_PARTIES)
    )
    open_until: float = float("-inf")


class CircuitBreaker:
    """Opens for BREAKER_OPEN_SECONDS after BREAKER_CRASHES within BREAKER_WINDOW_SECONDS.

    It opens for a person (`party`) of one owner; for a source of an owner only when the deaths are of BREAKER_PARTIES
    people: nobody alone can hold what others use.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._circuits: OrderedDict[Hashable, _Circuit] = OrderedDict()

    def note_death(self, owner: str, party: str = "", source: str = "") -> None:
        """Count one child of this owner that was lost in a run for `party` of a source."""
        self._count((PARTY, owner, party), party, 1)
        if source:
            self._count((SOURCE, owner, source), party, limits.BREAKER_PARTIES)

    def find_open(self, owner: str, party: str = "", source: str = "") -> str:
        """Return what is held now: PARTY, SOURCE, or nothing (an empty text)."""
        if not self._circuits:
            return ""
        for kind, key in ((PARTY, party), (SOURCE, source)):
            circuit = self._circuits.get((kind, owner, key))
            if circuit and self._clock() < circuit.open_until:
                return kind
        return ""

    def is_open(self, owner: str, party: str = "", source: str = "") -> bool:
        """Tell whether a run would be held now."""
        return bool(self.find_open(owner, party, source))

    def is_suspect(self, owner: str, party: str) -> bool:
        """Tell whether a run of this person was lost lately: others do not queue behind the next."""
        circuit = self._circuits.get((PARTY, owner, party)) if self._circuits else None
        if circuit is None or not circuit.deaths:
            return False
        return self._clock() - circuit.deaths[-1][0] <= limits.BREAKER_SUSPECT_SECONDS

    def _count(self, key: Hashable, party: str, parties: int) -> None:
        now = self._clock()
        circuit = self._circuits.setdefault(key, _Circuit())
        self._circuits.move_to_end(key)
        circuit.deaths.append((now, party))
        recent = Counter(
            each for moment, each in circuit.deaths if now - moment <= limits.BREAKER_WINDOW_SECONDS
        )
        # Of a source's deaths one person's count little, however many they are.
        most = limits.BREAKER_CRASHES if parties == 1 else 2
        if sum(min(n, most) for n in recent.values()) >= limits.BREAKER_CRASHES and len(recent) >= parties:
            circuit.open_until = now + limits.BREAKER_OPEN_SECONDS
            circuit.deaths.clear()
            circuit.deaths.append((now, party))
        while len(self._circuits) > _MAX_KEPT:
            self._circuits.popitem(last=False)
