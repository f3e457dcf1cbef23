"""Confidence: a share of right answers, and a threshold that refuses a tenth of them."""

import numpy as np
import pytest

from app.brains.nlu.calibration import Scale, calibrate


def test_the_confidence_is_the_share_of_right_answers():
    chance = np.random.default_rng(1)
    classes = chance.integers(0, 3, 900)
    classes[:180] = 3
    scores = chance.normal(0, 1, (900, 4)).astype(np.float32)
    scores[np.arange(900), classes] += 2.0
    found = calibrate((scores,), None, classes)
    joint = found.join((scores,))
    sure = found.compute_confidence(*found.rate(joint, None))
    right = (joint[:, :-1].argmax(axis=1) == classes) & (classes != 3)
    assert sure.mean() == pytest.approx(right.mean(), abs=0.05)
    assert right[sure >= 0.9].mean() > 0.85
    assert (sure[right] >= found.threshold).mean() == pytest.approx(0.9, abs=0.01)


def test_a_scale_of_one_value_divides_by_nothing():
    assert Scale.measure(np.array([2.0, 2.0])).apply(np.array([3.0]))[0] == 1.0
