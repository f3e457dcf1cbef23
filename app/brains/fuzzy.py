"""Fuzzy search by typed letters with ranking; case and accents ignored (pure functions)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import lru_cache
from heapq import nsmallest
from typing import Final, Generic, TypeVar

from app.immutable import immutable
from app.unicode import INDEX_OPTIONS, fold

T = TypeVar("T")

# How well a text fits, the best first.
SAME, PREFIX, WORD, INSIDE, SPREAD, SCATTERED = range(6)
# Fewer letters than these would be scattered over almost any text.
_SCATTERED_LETTERS: Final = 3
# A thing found by another word for it stands behind one found by its name.
_WORDS_PENALTY: Final = 0.5


@immutable
class SearchText:
    """Searchable text: name, further words, and the place it belongs to, all normalised."""

    name: str
    words: tuple[str, ...] = ()
    place: str = ""
    # All of it in one string: what does not stand in here needs no closer look.
    full_text: str = field(default="", init=False)

    @classmethod
    def from_text(cls, name: str, words: Iterable[str] = (), place: str = "") -> "SearchText":
        """Build from texts as they are displayed."""
        return cls(normalise(name), tuple(map(normalise, words)), normalise(place))

    def __post_init__(self) -> None:
        """Join the texts once."""
        object.__setattr__(self, "full_text", "\n".join((self.name, *self.words, self.place)))


@immutable
class Hit(Generic[T]):
    """Search result; a smaller `rank` is a better match."""

    item: T
    rank: float


def normalise(text: str) -> str:
    """Return the text folded for comparison: no case, accents or repeated spaces."""
    return " ".join(fold(text, INDEX_OPTIONS).split())


def find_best(things: Sequence[tuple[SearchText, T]], query: str, limit: int) -> list[Hit[T]]:
    """Return at most `limit` things that match `query`, best first; of equals the shorter, then the earlier."""
    wanted = normalise(query)
    if not wanted:
        return [Hit(thing, SAME) for _, thing in things[:limit]]
    found = _rank_all(things, wanted)
    if not found and len(wanted) >= _SCATTERED_LETTERS:
        found = [
            (float(SCATTERED), len(text.name), at)
            for at, (text, _) in enumerate(things)
            if _compile_scattered(wanted).match(text.name)
        ]
    return [Hit(things[at][1], rank) for rank, _, at in nsmallest(limit, found)]


def _rank_all(things: Sequence[tuple[SearchText, object]], wanted: str) -> list[tuple[float, int, int]]:
    first, *rest = tokens = tuple(wanted.split())
    held = [at for at, (text, _) in enumerate(things) if first in text.full_text]
    for token in rest:
        held = [at for at in held if token in things[at][0].full_text]
    ranked = ((_rank(things[at][0], wanted, tokens), at) for at in held)
    return [(rank, len(things[at][0].name), at) for rank, at in ranked if rank is not None]


def _rank(text: SearchText, wanted: str, tokens: Sequence[str]) -> float | None:
    """Return the rank of a text; a match of the place's words alone is no match, they only narrow."""
    rank = float(_compute_fit(text.name, wanted))
    for word in text.words:
        if wanted in word and (fit := _compute_fit(word, wanted)) <= WORD:
            rank = min(rank, fit + _WORDS_PENALTY)
    if rank < SPREAD:
        return rank
    if not all(token in text.name or _compile_word_start(token).search(text.full_text) for token in tokens):
        return None
    own = "\n".join((text.name, *text.words))
    return float(SPREAD) if any(_compile_word_start(token).search(own) for token in tokens) else None


def _compute_fit(text: str, wanted: str) -> int:
    at = text.find(wanted)
    if at < 0:
        return SPREAD
    if at == 0:
        return SAME if len(text) == len(wanted) else PREFIX
    return WORD if _compile_word_start(wanted).search(text) else INSIDE


@lru_cache(64)
def _compile_word_start(wanted: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(wanted)}")


@lru_cache(64)
def _compile_scattered(wanted: str) -> re.Pattern[str]:
    # Lazy and without overlap: linear in the text for each letter.
    return re.compile("".join(f"[^{re.escape(each)}]*{re.escape(each)}" for each in wanted.replace(" ", "")))
