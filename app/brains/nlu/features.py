"""Features of a text: words, pairs of words and parts of words, weighed by how rare they are (TF-IDF).

What the vocabulary does not know keeps its weight in the length of the vector, so that a message of unknown words is
near to nothing (specs: nlu 2, finding 1).
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from app.immutable import immutable

_SHORTEST, _LONGEST = 2, 5  # letters of a part of a word, its edges included
_MAX_WORD_CHARS: Final = 40  # parts are taken from the beginning of a longer word
_WORD_BLOCK, _PART_BLOCK = "w", "p"


@immutable
class SparseRow:
    """Vector of one text: places in the vocabulary, ascending, and their weights; 8 bytes a feature."""

    places: "array[int]"
    weights: "array[float]"


@immutable
class Vocabulary:
    """Known features with their places, the weight of each, and that of an unknown one."""

    places: Mapping[str, int]
    weights: Sequence[float]
    unknown_weight: float

    def build_row(self, words: Sequence[str]) -> SparseRow:
        """Return the vector of a text: words and parts of words each of length 1, if all of them were known."""
        found: dict[int, float] = {}
        for block in count_features(words):
            total = 0.0
            known: dict[int, float] = {}
            for name, count in block.items():
                place = self.places.get(name)
                weight = self.unknown_weight if place is None else self.weights[place]
                value = (1.0 + math.log(count)) * weight
                total += value * value
                if place is not None:
                    known[place] = value
            length = math.sqrt(total) or 1.0
            found.update((place, value / length) for place, value in known.items())
        order = sorted(found)
        return SparseRow(array("i", order), array("f", (found[place] for place in order)))


def count_features(words: Sequence[str]) -> tuple[Counter[str], Counter[str]]:
    """Count the features of a text: words with their pairs, and parts of words."""
    wholes = Counter(_WORD_BLOCK + word for word in words)
    wholes.update(f"{_WORD_BLOCK}{first} {second}" for first, second in pairwise(words))
    parts: Counter[str] = Counter()
    for word in words:
        edged = f" {word[:_MAX_WORD_CHARS]} "
        for size in range(_SHORTEST, min(_LONGEST, len(edged)) + 1):
            parts.update(_PART_BLOCK + edged[at : at + size] for at in range(len(edged) - size + 1))
    return wholes, parts


def build_vocabulary(texts: Iterable[Sequence[str]], least_texts: int = 1) -> Vocabulary:
    """Build the vocabulary of texts, given as words: features of at least `least_texts` of them, in their order."""
    counts: Counter[str] = Counter()
    size = 0
    for words in texts:
        size += 1
        for block in count_features(words):
            counts.update(block.keys())
    names = sorted(name for name, count in counts.items() if count >= least_texts)
    return Vocabulary(
        {name: place for place, name in enumerate(names)},
        [_compute_weight(size, counts[name]) for name in names],
        _compute_weight(size, 1),
    )


def _compute_weight(size: int, count: int) -> float:
    return math.log((1 + size) / (1 + count)) + 1.0
