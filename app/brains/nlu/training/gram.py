"""Similarities between sparse rows: rare features by their pairs of rows, frequent ones as a dense block."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.features import SparseRow

_RARE_ROWS: Final = 24  # a feature of more rows is frequent
_BLOCK_COLUMNS: Final = 2_048


def compute_gram(rows: Sequence[SparseRow], width: int) -> Any:
    """Return the similarities of all rows with each other (float32); `width` is the size of the vocabulary."""
    counts = np.fromiter((len(row.places) for row in rows), np.int64, len(rows))
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
    places = np.concatenate([np.asarray(row.places, np.int32) for row in rows])
    weights = np.concatenate([np.asarray(row.weights, np.float32) for row in rows])
    order = np.argsort(places, kind="stable")
    owners, places, weights = owners[order], places[order], weights[order]
    sizes = np.bincount(places, minlength=width)
    starts = np.concatenate(([0], np.cumsum(sizes)))[:-1]
    gram = np.zeros((len(rows), len(rows)), np.float32)
    for size in range(1, _RARE_ROWS + 1):
        _add_rare(gram, owners, weights, starts[sizes == size], size)
    frequent = np.flatnonzero(sizes > _RARE_ROWS)
    for begin in range(0, len(frequent), _BLOCK_COLUMNS):
        chosen = frequent[begin : begin + _BLOCK_COLUMNS]
        block = np.zeros((len(rows), len(chosen)), np.float32)
        for column, place in enumerate(chosen):
            held = slice(starts[place], starts[place] + sizes[place])
            block[owners[held], column] = weights[held]
        gram += block @ block.T
    return gram


def _add_rare(gram: Any, owners: Any, weights: Any, starts: Any, size: int) -> None:
    """Add what features of `size` rows each have in common."""
    if not len(starts):
        return
    held = starts[:, None] + np.arange(size)
    who, what = owners[held], weights[held]
    for first in range(size):
        for second in range(size):
            np.add.at(gram, (who[:, first], who[:, second]), what[:, first] * what[:, second])
