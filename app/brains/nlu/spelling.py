"""Spelling: an unknown word becomes the known one that differs in one letter, if there is such."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from app.brains.nlu.normalise import NormalText
from app.unicode import INDEX_OPTIONS, fold

_SHORTEST: Final = 4  # letters of a word that is repaired
_LONGEST: Final = 30


class Spelling:
    """Words of a brain, the most frequent first; finds the one a slip was made in."""

    def __init__(self, words: Sequence[str]) -> None:
        self._ranks: Mapping[str, int] = {word: rank for rank, word in reversed(list(enumerate(words)))}
        self._near: dict[str, list[str]] = {}
        for word in self._ranks:
            if _SHORTEST <= len(word) <= _LONGEST and word.isalpha():
                for part in _list_near(word):
                    self._near.setdefault(part, []).append(word)

    def repair(self, text: NormalText) -> NormalText:
        """Return a text with its unknown words repaired; words of fewer than 4 letters stay as they are."""
        changes = {
            word: found for word in set(text.words) if word not in self._ranks and (found := self._find(word))
        }
        if not changes:
            return text
        words = tuple(changes.get(word, word) for word in text.words)
        sentence = (changes.get(fold(word, INDEX_OPTIONS), word) for word in text.sentence.split(" "))
        return NormalText(words, " ".join(sentence))

    def _find(self, word: str) -> str | None:
        if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha():
            return None
        near = {
            each for part in _list_near(word) for each in self._near.get(part, ()) if _is_one_slip(word, each)
        }
        return min(near, key=self._ranks.__getitem__, default=None)


def _list_near(word: str) -> Iterable[str]:
    """Return a word and all that is left of it without one letter: two words one slip apart share one of these."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _is_one_slip(word: str, other: str) -> bool:
    """Tell whether two words differ in one letter: replaced, left out, put in, or swapped with the next."""
    if abs(len(word) - len(other)) > 1:
        return False
    at = next((n for n, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]), len(word))
    rest, other_rest = word[at:], other[at:]
    if len(word) == len(other):
        swapped = rest[1:2] + rest[:1] + rest[2:]
        return rest[1:] == other_rest[1:] or swapped == other_rest
    return rest[1:] == other_rest or rest == other_rest[1:]
