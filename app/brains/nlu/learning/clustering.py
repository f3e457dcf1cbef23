"""Clusters of messages: near duplicates and groups of similar ones (least similarity); how many at once."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.features import SparseRow
from app.brains.nlu.language import is_small_word
from app.brains.nlu.normalise import NormalText, build_key, normalise
from app.brains.nlu.trained_model import Encode
from app.brains.nlu.training.gram import compute_gram

Array = Any

MOST_MESSAGES: Final = 2_000  # that are compared with each other
MOST_ENCODED: Final = 200  # wordings; of more, the words decide
NEAR_DUPLICATE: Final = 0.85  # cosine of parts of words
SIMILAR: Final = 0.5  # mean cosine of two groups that become one
_MAX_WORD_CHARS: Final = 40

# Places of messages: a cluster has wordings, a wording has messages; the most frequent wording comes first.
Cluster = list[list[int]]


def build_clusters(texts: Sequence[str], encode: Encode | None = None) -> list[Cluster]:
    """Return clusters of messages by their places, the largest first; near duplicates count as one wording.

    `encode` gives the vectors of sentences; without it, or where it gives none, words and their parts are compared.
    """
    same = _gather_same(texts)
    if not same:
        return []
    read = [normalise(texts[places[0]]) for places in same]
    wordings = _merge_near_duplicates(same, read)
    leaders = [read[first] for first, _ in wordings]
    groups = join_similar(_compare(leaders, encode))
    found = [[wordings[at][1] for at in group] for group in groups]
    for cluster in found:
        cluster.sort(key=lambda places: (-len(places), places[0]))
    return sorted(found, key=lambda cluster: (-sum(map(len, cluster)), cluster[0][0]))


def _gather_same(texts: Sequence[str]) -> list[list[int]]:
    """Return the places of texts that say the same in the same words, the most frequent wording first."""
    found: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        found.setdefault(build_key(text) or text, []).append(place)
    return sorted(found.values(), key=lambda places: (-len(places), places[0]))


def _merge_near_duplicates(
    same: Sequence[list[int]], read: Sequence[NormalText]
) -> list[tuple[int, list[int]]]:
    """Return wordings as the place of the first among `same`, and the places of all messages."""
    gram = _compare_words([each.words for each in read])
    is_free = np.ones(len(read), bool)
    found: list[tuple[int, list[int]]] = []
    for first in range(len(read)):
        if not is_free[first]:
            continue
        near = np.flatnonzero(is_free & (gram[first] > NEAR_DUPLICATE))
        taken = sorted({first, *map(int, near)})
        is_free[taken] = False
        found.append((first, [place for each in taken for place in same[each]]))
    return found


def _compare_words(texts: Sequence[Sequence[str]]) -> Array:
    """Return the similarities (cosine) of texts, given as words, by parts of three letters."""
    places: dict[str, int] = {}
    rows: list[SparseRow] = []
    for words in texts:
        edged = [f" {word[:_MAX_WORD_CHARS]} " for word in words]
        counts = Counter(word[at : at + 3] for word in edged for at in range(len(word) - 2))
        values = {places.setdefault(part, len(places)): 1.0 + math.log(n) for part, n in counts.items()}
        length = math.sqrt(sum(value * value for value in values.values())) or 1.0
        order = sorted(values)
        rows.append(SparseRow(array("i", order), array("f", (values[place] / length for place in order))))
    return compute_gram(rows, len(places))


def _compare(leaders: Sequence[NormalText], encode: Encode | None) -> Array:
    """Return the similarities of wordings with each other."""
    if encode and len(leaders) <= MOST_ENCODED and all(each.words for each in leaders):
        vectors = encode([each.sentence for each in leaders])
        if vectors is not None:
            return vectors @ vectors.T
    return _compare_words([_select_content(each.words) for each in leaders])


def _select_content(words: Sequence[str]) -> Sequence[str]:
    """Return the words that say what a message is about; all where none of them does."""
    return [word for word in words if not is_small_word(word)] or words


def join_similar(similar: Array) -> list[list[int]]:
    """Return groups of rows whose mean similarity is more than SIMILAR: average linkage by chains of neighbours."""
    matrix = similar.astype(np.float32).copy()
    np.fill_diagonal(matrix, -2.0)
    members: list[list[int]] = [[place] for place in range(len(matrix))]
    is_open = np.ones(len(matrix), bool)
    chain: list[int] = []
    while True:
        if not chain:
            left = np.flatnonzero(is_open)
            if not len(left):
                break
            chain.append(int(left[0]))
        last = chain[-1]
        row = np.where(is_open, matrix[last], -2.0)
        nearest = int(row.argmax())
        if row[nearest] <= SIMILAR:
            # Nothing will come nearer: the mean of two groups is never above the nearer one.
            is_open[last] = False
            chain.pop()
        elif len(chain) > 1 and row[chain[-2]] >= row[nearest]:
            into, gone = chain[-2], last
            _join(matrix, into, gone, len(members[into]), len(members[gone]))
            members[into] += members[gone]
            members[gone] = []
            is_open[gone] = False
            del chain[-2:]
        else:
            chain.append(nearest)
    return [group for group in members if group]


def _join(matrix: Array, into: int, gone: int, size: int, more: int) -> None:
    joint = (size * matrix[into] + more * matrix[gone]) / (size + more)
    joint[[into, gone]] = -2.0
    matrix[into], matrix[:, into] = joint, joint
