"""Trained model: which intent a message means, and how sure that is."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.calibration import Calibration
from app.brains.nlu.features import Vocabulary
from app.brains.nlu.normalise import NormalText, normalise
from app.brains.nlu.spelling import Spelling
from app.immutable import immutable

Array = Any
# Returns the unit vectors of sentences, a row each; None when no encoder answers.
Encode = Callable[[Sequence[str]], "Array | None"]

NEIGHBOURS: Final = 5  # examples whose similarity counts
_LEAST_KNOWN: Final = 2  # features of a message that the words alone are asked about
_LISTED: Final = 3
PLACES: Final = 4  # digits of a confidence that are kept


@immutable
class EncoderPart:
    """What a model has learnt of an encoder's vectors: its name and digest, weights of classes, vectors of examples."""

    name: str
    digest: str
    weights: Array  # dimensions x classes
    examples: Array  # examples x dimensions, unit length


@immutable
class Guess:
    """What a model makes of a message: intents with confidences, the likeliest first, and the least to answer.

    `by` says who was asked: words | encoder. Empty where there was nothing to go by.
    """

    ranked: tuple[tuple[str, float], ...]
    threshold: float
    by: str


class Model:
    """Trained model; read-only, shared by threads."""

    def __init__(
        self,
        intents: Sequence[str],
        vocabulary: Vocabulary,
        weights: Array,
        calibrations: Sequence[Calibration],
        encoder: EncoderPart | None = None,
    ) -> None:
        """Take the parts: `weights` (features x classes) and a calibration for the words alone, then with encoder."""
        self.intents = tuple(intents)
        self.vocabulary = vocabulary
        self.weights = weights
        self.calibrations = tuple(calibrations)
        self.encoder = encoder
        ranked = sorted(
            (vocabulary.weights[place], name[1:])
            for name, place in vocabulary.places.items()
            if name[0] == "w" and " " not in name
        )
        self.spelling = Spelling([word for _, word in ranked])

    def guess(self, text: str, encode: Encode | None = None) -> Guess:
        """Return what a message means; without an encoder's vector the words alone decide, by their own threshold."""
        read = self.spelling.repair(normalise(text))
        vector = encode([read.sentence]) if self.encoder and encode and read.words else None
        scores, known = self._score_words(read)
        if vector is None or self.encoder is None:
            if known < _LEAST_KNOWN:
                return Guess((), self.calibrations[0].threshold, "words")
            return self._rank(self.calibrations[0], (scores,), None, "words")
        similar = self.encoder.examples.astype(np.float32) @ vector[0]
        near = np.sort(similar)[-NEIGHBOURS:].mean(keepdims=True)
        by_vector = vector @ self.encoder.weights.astype(np.float32)
        return self._rank(self.calibrations[1], (scores, by_vector), near, "encoder")

    def _score_words(self, read: NormalText) -> tuple[Array, int]:
        row = self.vocabulary.build_row(read.words)
        places = np.fromiter(row.places, np.int64, len(row.places))
        values = np.fromiter(row.weights, np.float32, len(row.weights))
        return (values @ self.weights[places].astype(np.float32))[None, :], len(row.places)

    def _rank(
        self, calibration: Calibration, scores: tuple[Array, ...], near: Array | None, by: str
    ) -> Guess:
        joint = calibration.join(scores)
        order = np.argsort(-joint[0, :-1], kind="stable")[:_LISTED]
        score, lead = calibration.rate(joint, near)
        sure = float(calibration.compute_confidence(score, lead)[0])
        # Of those behind the best one only the order and the distance count.
        ranked = [
            (
                self.intents[int(each)],
                round(sure * float(np.exp(joint[0, each] - joint[0, order[0]])), PLACES),
            )
            for each in order
        ]
        return Guess(tuple(ranked), round(calibration.threshold, PLACES), by)
