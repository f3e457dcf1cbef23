"""Multinomial logistic regression on a matrix of similarities (Gram), by L-BFGS; numpy alone, one thread.

The weights of a class are a sum of the rows, so only similarities between rows are needed, and the folds of a
cross-validation share one matrix. Gradients are taken in the space of the weights, as if they were written out.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from app.immutable import immutable

Array = Any  # numpy.ndarray; its own types would need numpy wherever this is read

_HISTORY: Final = 8
_STEPS: Final = 60
_TOLERANCE: Final = 1e-3  # of the gradient's length, against that of the first
_HALVINGS: Final = 12


@immutable
class Problem:
    """Rows to learn: their similarities, class of each row, weight of each row, number of classes.

    `multiply` returns the product of the similarities (rows x rows) with a matrix (rows x classes, float32).
    """

    multiply: Callable[[Array], Array]
    classes: Array
    row_weights: Array
    class_count: int


@immutable
class _Point:
    """Coefficients (rows x classes), what the matrix makes of them, and loss and gradient there."""

    coefficients: Array
    scores: Array
    loss: float
    slope: Array


def fit(problem: Problem) -> Array:
    """Return the coefficients (rows x classes, float32) that make the classes of the rows likeliest.

    The penalty is half the squared length of the weights; `row_weights` hold the trade between both (C).
    """
    start = np.zeros((len(problem.classes), problem.class_count), np.float32)
    at = _evaluate(problem, start, start)
    first = at.slope
    pairs: list[tuple[Array, Array, Array, Array, float]] = []
    image = problem.multiply(at.slope)
    least = _TOLERANCE * _TOLERANCE * float(np.vdot(first, image))
    for _ in range(_STEPS):
        if float(np.vdot(at.slope, image)) <= least:
            break
        way, way_image = _find_direction(at.slope, image, pairs)
        there = _search(problem, at, way, way_image, -float(np.vdot(at.slope, way_image)))
        if there is None:
            break
        there_image = problem.multiply(there.slope)
        move, bend = there.coefficients - at.coefficients, there.slope - at.slope
        curve = float(np.vdot(there.scores - at.scores, bend))
        if curve > 0:
            pairs.append((move, there.scores - at.scores, bend, there_image - image, curve))
            del pairs[:-_HISTORY]
        at, image = there, there_image
    return at.coefficients


def compute_probabilities(scores: Array) -> Array:
    """Return the probability of each class from the scores of rows."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _evaluate(problem: Problem, coefficients: Array, scores: Array) -> _Point:
    probabilities = compute_probabilities(scores)
    rows = np.arange(len(scores))
    likely = np.maximum(probabilities[rows, problem.classes], 1e-30)
    loss = -float(problem.row_weights @ np.log(likely)) + 0.5 * float(np.vdot(coefficients, scores))
    probabilities[rows, problem.classes] -= 1.0
    slope = problem.row_weights[:, None] * probabilities + coefficients
    return _Point(coefficients, scores, loss, slope.astype(np.float32))


def _find_direction(slope: Array, image: Array, pairs: list[tuple[Array, ...]]) -> tuple[Array, Array]:
    """Return the step to take, without its sign, and its image: the two loops of L-BFGS."""
    way, way_image = slope.copy(), image.copy()
    shares: list[float] = []
    for _, move_image, bend, bend_image, curve in reversed(pairs):
        share = float(np.vdot(move_image, way)) / curve
        shares.append(share)
        way -= share * bend
        way_image -= share * bend_image
    if pairs:
        _, _, bend, bend_image, curve = pairs[-1]
        scale = curve / max(float(np.vdot(bend, bend_image)), 1e-30)
    else:
        scale = 1.0 / max(1.0, float(np.sqrt(max(np.vdot(slope, image), 1e-30))))
    way *= scale
    way_image *= scale
    for (move, move_image, bend, _bend_image, curve), share in zip(pairs, reversed(shares), strict=True):
        back = share - float(np.vdot(bend, way_image)) / curve
        way += back * move
        way_image += back * move_image
    return way, way_image


def _search(problem: Problem, at: _Point, way: Array, way_image: Array, fall: float) -> _Point | None:
    """Return the first point along a step that is low enough (Armijo); None when there is none."""
    length = 1.0
    for _ in range(_HALVINGS):
        there = _evaluate(problem, at.coefficients - length * way, at.scores - length * way_image)
        if there.loss <= at.loss + 1e-4 * length * fall:
            return there
        length *= 0.5
    return None
