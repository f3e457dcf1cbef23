"""Training of a model: features, folds, regression, calibration; equal sets give equal models on one machine."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.calibration import calibrate
from app.brains.nlu.features import SparseRow, Vocabulary, build_vocabulary
from app.brains.nlu.normalise import NormalText, normalise
from app.brains.nlu.trained_model import NEIGHBOURS, Encode, EncoderPart, Model
from app.brains.nlu.training import regression
from app.brains.nlu.training.gram import compute_gram
from app.brains.nlu.training.noise import misspell
from app.brains.nlu.training.training_set import TrainingSet, list_background
from app.immutable import immutable

Array = Any
Progress = Callable[[float], None]  # is told the share that is done, 0 to 1

FOLDS: Final = 5
_COPIED_EXAMPLES: Final = 1_500  # of more, no misspelt copies are made
_PRUNED_ROWS: Final = 2_000  # of more, features of one row are left out
_BLOCK_ROWS: Final = 512  # that are compared with all examples at a time, which bounds the memory
_WORD_TRADE: Final = 10.0  # how much a row counts against the penalty (C)
_VECTOR_TRADE: Final = 30.0
_VECTOR_LENGTH: Final = 1.5  # of an encoder's vector, whose own length is 1
_NEAR_BACKGROUND: Final = 0.5  # of the similarity at which a background message means an intent after all


class UntrainableSet(ValueError):
    """Training set that no model can be made of; the message says what to add."""


@immutable
class Rows:
    """Rows of a training: text, class, fold and whether it is a misspelt copy."""

    texts: tuple[str, ...]
    sentences: tuple[NormalText, ...]
    classes: Array
    folds: Array
    is_copy: Array


@immutable
class Trained:
    """Model with its rows and what cross-validation made of them, by calibration: joint scores and confidence."""

    model: Model
    rows: Rows
    gram: Array
    joint: tuple[Array, ...]
    confidence: tuple[Array, ...]


@immutable
class NamedEncoder:
    """Encoder that answered when the training began."""

    name: str
    digest: str
    encode: Encode


@immutable
class _Part:
    """One of the models that are joined: similarities of its rows, or their vectors; and what a row counts."""

    gram: Array | None
    vectors: Array | None
    trade: float

    def multiply(self, unseen: Array, seen: Array) -> Callable[[Array], Array]:
        """Return what multiplies the similarities of some rows to others with a matrix."""
        if self.vectors is not None:
            left, right = self.vectors[unseen], self.vectors[seen].T
            return lambda values: left @ (right @ values)
        gram = np.ascontiguousarray(self.gram[np.ix_(unseen, seen)]) if self.gram is not None else None
        return lambda values: gram @ values


def train(
    wanted: TrainingSet, encoder: NamedEncoder | None, progress: Progress = lambda _share: None
) -> Trained:
    """Train a model; raises UntrainableSet for fewer than two examples.

    Where the encoder fails, the model is made of the words alone.
    """
    intents = sorted(wanted.examples)
    rows = _build_rows(wanted, intents)
    vocabulary = build_vocabulary(
        [each.words for each in rows.sentences], 2 if len(rows.texts) > _PRUNED_ROWS else 1
    )
    sparse = [vocabulary.build_row(each.words) for each in rows.sentences]
    gram = compute_gram(sparse, len(vocabulary.places))
    progress(0.1)
    kept = _select_rows(rows, gram)
    rows, sparse, gram = _take(rows, kept), [sparse[at] for at in kept], gram[np.ix_(kept, kept)]
    vectors = encoder.encode([each.sentence for each in rows.sentences]) if encoder else None
    progress(0.3)
    parts = [_Part(gram, None, _WORD_TRADE)]
    if vectors is not None:
        parts.append(_Part(None, np.float32(_VECTOR_LENGTH) * vectors, _VECTOR_TRADE))
    trainer = _Trainer(rows, len(intents) + 1, progress, len(parts))
    held_out = [trainer.validate(part) for part in parts]
    coefficients = [trainer.fit(part, np.arange(len(rows.texts))) for part in parts]
    calibrations = [calibrate((held_out[0],), None, rows.classes)]
    nears: list[Array | None] = [None]
    encoder_part = None
    if vectors is not None and encoder is not None:
        nears.append(_measure_nearest(rows, vectors, len(intents)))
        calibrations.append(calibrate((held_out[0], held_out[1]), nears[1], rows.classes))
        encoder_part = _build_encoder_part(encoder, vectors, coefficients[1], rows, len(intents))
    weights = _sum_weights(sparse, coefficients[0], vocabulary)
    model = Model(intents, vocabulary, weights, calibrations, encoder_part)
    return _assemble(model, rows, gram, held_out, nears)


class _Trainer:
    """Fits one part after the other on all rows, or on all but a fold."""

    def __init__(self, rows: Rows, class_count: int, progress: Progress, parts: int) -> None:
        self._rows = rows
        self._class_count = class_count
        self._progress = progress
        self._total, self._done = parts * (FOLDS + 1), 0

    def fit(self, part: _Part, chosen: Array) -> Array:
        """Return the coefficients of some rows."""
        weights = np.full(len(chosen), part.trade, np.float32)
        multiply = part.multiply(chosen, chosen)
        found = regression.fit(
            regression.Problem(multiply, self._rows.classes[chosen], weights, self._class_count)
        )
        self._done += 1
        self._progress(0.3 + 0.6 * self._done / self._total)
        return found

    def validate(self, part: _Part) -> Array:
        """Return the scores of each row by a model that has not seen it, nor its copy."""
        scores = np.zeros((len(self._rows.texts), self._class_count), np.float32)
        for fold in range(FOLDS):
            seen, unseen = np.flatnonzero(self._rows.folds != fold), np.flatnonzero(self._rows.folds == fold)
            if len(seen) and len(unseen):
                scores[unseen] = part.multiply(unseen, seen)(self.fit(part, seen))
        return scores


def _build_rows(wanted: TrainingSet, intents: Sequence[str]) -> Rows:
    examples = wanted.list_rows()
    if len(examples) < 2:
        raise UntrainableSet("Write at least two examples.")
    chance = random.Random(wanted.seed)
    classes = {name: place for place, name in enumerate(intents)}
    listed = [(text, classes[name]) for text, name in examples]
    listed += [(text, len(intents)) for text in (*list_background(), *sorted(set(wanted.negatives)))]
    made: list[tuple[str, int, int, bool]] = []
    turns = [chance.randrange(FOLDS) for _ in range(len(intents) + 1)]
    for text, place in chance.sample(listed, len(listed)):
        fold = turns[place] % FOLDS
        turns[place] += 1
        made.append((text, place, fold, False))
        if place < len(intents) and len(examples) <= _COPIED_EXAMPLES:
            copy = misspell(text, chance)
            if copy != text:
                made.append((copy, place, fold, True))
    return Rows(
        tuple(each[0] for each in made),
        tuple(normalise(each[0]) for each in made),
        np.array([each[1] for each in made]),
        np.array([each[2] for each in made]),
        np.array([each[3] for each in made]),
    )


def _select_rows(rows: Rows, gram: Array) -> Array:
    """Return the rows to train on: a background message that an example nearly says is none for this brain."""
    background = int(rows.classes.max())
    inside, outside = np.flatnonzero(rows.classes < background), np.flatnonzero(rows.classes == background)
    if not len(inside) or not len(outside):
        return np.arange(len(rows.texts))
    near = gram[np.ix_(outside, inside)].max(axis=1) / 2.0  # two blocks of length 1 each
    return np.sort(np.concatenate([inside, outside[near < _NEAR_BACKGROUND]]))


def _take(rows: Rows, kept: Array) -> Rows:
    return Rows(
        tuple(rows.texts[at] for at in kept),
        tuple(rows.sentences[at] for at in kept),
        rows.classes[kept],
        rows.folds[kept],
        rows.is_copy[kept],
    )


def _measure_nearest(rows: Rows, vectors: Array, background: int) -> Array:
    """Return the mean similarity of each row to the nearest examples of other folds."""
    is_example = (rows.classes < background) & ~rows.is_copy
    examples, folds = vectors[is_example], rows.folds[is_example]
    found = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        similar = vectors[block] @ examples.T
        similar[rows.folds[block, None] == folds[None, :]] = -1.0
        nearest = np.sort(similar, axis=1)[:, -NEIGHBOURS:]
        kept = nearest > -1.0
        found[block] = np.where(kept, nearest, 0.0).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
    return found


def _build_encoder_part(
    encoder: NamedEncoder, vectors: Array, coefficients: Array, rows: Rows, background: int
) -> EncoderPart:
    weights = _VECTOR_LENGTH**2 * (vectors.T @ coefficients)
    examples = vectors[(rows.classes < background) & ~rows.is_copy]
    return EncoderPart(encoder.name, encoder.digest, weights.astype(np.float16), examples.astype(np.float16))


def _sum_weights(sparse: Sequence[SparseRow], coefficients: Array, vocabulary: Vocabulary) -> Array:
    """Return the weights of features (features x classes) that the coefficients of rows stand for."""
    weights = np.zeros((len(vocabulary.places), coefficients.shape[1]), np.float32)
    for row, shares in zip(sparse, coefficients, strict=True):
        weights[np.asarray(row.places)] += np.asarray(row.weights, np.float32)[:, None] * shares
    return weights.astype(np.float16)


def _assemble(
    model: Model, rows: Rows, gram: Array, held_out: Sequence[Array], nears: Sequence[Array | None]
) -> Trained:
    joint, confidence = [], []
    for calibration, near in zip(model.calibrations, nears, strict=True):
        found = calibration.join(tuple(held_out[: len(calibration.scales)]))
        joint.append(found)
        confidence.append(calibration.compute_confidence(*calibration.rate(found, near)))
    return Trained(model, rows, gram, tuple(joint), tuple(confidence))
