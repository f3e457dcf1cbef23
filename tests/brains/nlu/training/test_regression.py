"""The regression finds the same weights as gradient descent on the weights themselves."""

import numpy as np

from app.brains.nlu.training.regression import Problem, compute_probabilities, fit


def test_it_finds_the_minimum():
    chance = np.random.default_rng(2)
    rows = chance.normal(size=(40, 6)).astype(np.float32)
    classes = chance.integers(0, 3, 40)
    gram = rows @ rows.T
    trade = np.full(40, 2.0, np.float32)
    found = rows.T @ fit(Problem(lambda values: gram @ values, classes, trade, 3))
    weights, wanted = np.zeros((6, 3)), np.eye(3)[classes]
    for _ in range(20_000):
        slope = weights + 2.0 * rows.T @ (compute_probabilities(rows @ weights) - wanted)
        weights -= 0.005 * slope
    assert np.abs(found - weights).max() < 0.02
