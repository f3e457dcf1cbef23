"""Finding things by a few typed letters: what fits best comes first. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# How well a text fits, the best first.
SAME, PREFIX, WORD, INSIDE, SPREAD, SCATTERED = range(6)
# Fewer letters than these would be scattered over almost any text.
_SCATTERED_LETTERS: Final = 3
# A thing found by another word for it stands behind one found by its name.
_BY_WORDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Searched:
    """A text prepared for searching, with other words it is found by and where it belongs."""

    name: str
    words: tuple[str, ...] = ()
    place: str = ""
    # All of it in one string: what does not stand in here needs no closer look.
    whole: str = field(default="", init=False)

    @classmethod
    def of(cls, name: str, words: Iterable[str] = (), place: str = "") -> "Searched":
        """Prepare texts as people wrote them."""
        return cls(plain(name), tuple(map(plain, words)), plain(place))

    def __post_init__(self) -> None:
        """Join the texts once."""
        object.__setattr__(self, "whole", "\n".join((self.name, *self.words, self.place)))


@dataclass(frozen=True, slots=True)
class Hit(Generic[T]):
    """Something found; the smaller `rank`, the better it fits."""

    thing: T
    rank: float


def plain(text: str) -> str:
    """Return the text without capitals, accents and doubled spaces: as it is compared."""
    if not text.isascii():
        spread = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(each for each in spread if not unicodedata.combining(each))
    return " ".join(text.lower().split())


def best(things: Sequence[tuple[Searched, T]], query: str, most: int) -> list[Hit[T]]:
    """Return at most `most` things that fit `query`, the best first; of equals the shorter, then the earlier."""
    wanted = plain(query)
    if not wanted:
        return [Hit(thing, SAME) for _, thing in things[:most]]
    found = _ranked(things, wanted)
    if not found and len(wanted) >= _SCATTERED_LETTERS:
        found = [
            (float(SCATTERED), len(text.name), at)
            for at, (text, _) in enumerate(things)
            if _scattered(wanted).match(text.name)
        ]
    return [Hit(things[at][1], rank) for rank, _, at in nsmallest(most, found)]


def _ranked(things: Sequence[tuple[Searched, object]], wanted: str) -> list[tuple[float, int, int]]:
    first, *rest = tokens = tuple(wanted.split())
    held = [at for at, (text, _) in enumerate(things) if first in text.whole]
    for token in rest:
        held = [at for at in held if token in things[at][0].whole]
    ranked = ((_rank(things[at][0], wanted, tokens), at) for at in held)
    return [(rank, len(things[at][0].name), at) for rank, at in ranked if rank is not None]


def _rank(text: Searched, wanted: str, tokens: Sequence[str]) -> float | None:
    """Tell how well a text fits; words of the place alone are no fit, they only narrow."""
    rank = float(_fit(text.name, wanted))
    for word in text.words:
        if wanted in word and (fit := _fit(word, wanted)) <= WORD:
            rank = min(rank, fit + _BY_WORDS)
    if rank < SPREAD:
        return rank
    if not all(token in text.name or _word_start(token).search(text.whole) for token in tokens):
        return None
    own = "\n".join((text.name, *text.words))
    return float(SPREAD) if any(_word_start(token).search(own) for token in tokens) else None


def _fit(text: str, wanted: str) -> int:
    at = text.find(wanted)
    if at < 0:
        return SPREAD
    if at == 0:
        return SAME if len(text) == len(wanted) else PREFIX
    return WORD if _word_start(wanted).search(text) else INSIDE


@lru_cache(64)
def _word_start(wanted: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(wanted)}")


@lru_cache(64)
def _scattered(wanted: str) -> re.Pattern[str]:
    # Lazy and without overlap: linear in the text for each letter.
    return re.compile("".join(f"[^{re.escape(each)}]*{re.escape(each)}" for each in wanted.replace(" ", "")))
