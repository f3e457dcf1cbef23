"""Confidence of an answer: how scores of several models are joined, and what share of such answers is right."""

from typing import Any, Final

import numpy as np

from app.immutable import immutable

Array = Any

_SHARES: Final = (1.0, 2.0)  # of the words and of an encoder in a joint score (measured: docs/decisions/0027)
_BACKGROUND_SHARE: Final = 0.5  # of the score of "none of them" that is taken off (specs: nlu 2)
_REFUSED_SHARE: Final = 0.1  # of right answers that the threshold refuses
_STEPS: Final = 40
SMALLEST_SPREAD: Final = 1e-6  # scores of a smaller one are equal but for rounding
_PENALTY: Final = 1e-3
_RIGHT_SHARE: Final = 0.8  # of messages that mean one of the intents, as the confidence assumes


@immutable
class Scale:
    """Mean and spread of a score, by which scores of different models become comparable."""

    mean: float
    spread: float

    @classmethod
    def measure(cls, values: Array) -> "Scale":
        """Return the scale of some scores."""
        spread = float(np.std(values))
        return cls(float(np.mean(values)), spread if spread >= SMALLEST_SPREAD else 1.0)

    def apply(self, values: Array) -> Array:
        """Return scores in units of the spread, 0 = the mean."""
        return (values - self.mean) / self.spread


@immutable
class Calibration:
    """How an answer is made of scores: a scale for each model and for the nearest examples, and the confidence.

    `confidence` are the weights of score and lead and a constant; `threshold` is the least confidence of an answer.
    """

    scales: tuple[Scale, ...]
    score_scale: Scale
    near_scale: Scale | None
    confidence: tuple[float, float, float]
    threshold: float

    def join(self, scores: tuple[Array, ...]) -> Array:
        """Return the joint scores (rows x classes, the last class is "none of them")."""
        parts = zip(_SHARES, self.scales, scores, strict=False)
        return np.sum([share * scale.apply(each) for share, scale, each in parts], axis=0)

    def rate(self, joint: Array, near: Array | None) -> tuple[Array, Array]:
        """Return score and lead of the best class for each row; `near` are similarities to the nearest examples."""
        score, lead = _measure(joint)
        score = self.score_scale.apply(score)
        if near is not None and self.near_scale is not None:
            score = score + self.near_scale.apply(near)
        return score, lead

    def compute_confidence(self, score: Array, lead: Array) -> Array:
        """Return the share of answers of such score and lead that are right, 0 to 1."""
        by_score, by_lead, constant = self.confidence
        return 1.0 / (1.0 + np.exp(-np.clip(by_score * score + by_lead * lead + constant, -30.0, 30.0)))


def calibrate(scores: tuple[Array, ...], near: Array | None, classes: Array) -> Calibration:
    """Learn from cross-validated scores of rows and their true classes; the last class is "none of them"."""
    draft = Calibration(
        tuple(Scale.measure(each) for each in scores), Scale(0.0, 1.0), None, (1.0, 0.0, 0.0), 0.5
    )
    joint = draft.join(scores)
    background = joint.shape[1] - 1
    score, lead = _measure(joint)
    score_scale = Scale.measure(score)
    near_scale = None if near is None else Scale.measure(near)
    draft = Calibration(draft.scales, score_scale, near_scale, draft.confidence, 0.5)
    score, lead = draft.rate(joint, near)
    right = (joint[:, :-1].argmax(axis=1) == classes) & (classes != background)
    weights = _weigh(classes == background)
    draft = Calibration(
        draft.scales, score_scale, near_scale, _fit_logistic(score, lead, right, weights), 0.5
    )
    confidence = draft.compute_confidence(score, lead)
    threshold = float(np.quantile(confidence[right], _REFUSED_SHARE)) if right.any() else 1.0
    return Calibration(draft.scales, score_scale, near_scale, draft.confidence, threshold)


def _measure(joint: Array) -> tuple[Array, Array]:
    inner = joint[:, :-1]
    best = inner.max(axis=1)
    second = np.partition(inner, -2, axis=1)[:, -2] if inner.shape[1] > 1 else joint[:, -1]
    return best - _BACKGROUND_SHARE * joint[:, -1], best - second


def _weigh(is_background: Array) -> Array:
    """Return the weight of each row, so that four fifths of all mean one of the intents."""
    outside = int(is_background.sum())
    inside = len(is_background) - outside
    if not outside or not inside:
        return np.full(len(is_background), 1.0 / max(1, len(is_background)))
    return np.where(is_background, (1.0 - _RIGHT_SHARE) / outside, _RIGHT_SHARE / inside)


def _fit_logistic(score: Array, lead: Array, right: Array, weights: Array) -> tuple[float, float, float]:
    """Fit a logistic curve by Newton's method (Platt, with his smoothed targets)."""
    columns = np.stack([score, lead, np.ones_like(score)], axis=1).astype(np.float64)
    count, good = len(right), int(right.sum())
    targets = np.where(right, (good + 1.0) / (good + 2.0), 1.0 / (count - good + 2.0))
    found = np.zeros(3)
    penalty = np.diag([_PENALTY, _PENALTY, 0.0])
    for _ in range(_STEPS):
        likely = 1.0 / (1.0 + np.exp(-np.clip(columns @ found, -30.0, 30.0)))
        slope = columns.T @ (weights * (likely - targets)) + penalty @ found
        bend = (
            (columns * (weights * likely * (1.0 - likely))[:, None]).T @ columns + penalty + 1e-9 * np.eye(3)
        )
        step = np.linalg.solve(bend, slope)
        found -= step * min(1.0, 4.0 / max(1e-9, float(np.abs(step).max())))
        if float(np.abs(step).max()) < 1e-7:
            break
    return float(found[0]), float(found[1]), float(found[2])
