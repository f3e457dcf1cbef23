"""Gate on scores: off by default, a least accuracy, and how far below the live version's a draft may be."""

from typing import Any

import pytest

from app.brains.versions.score_gate import find_low_scores


@pytest.mark.parametrize(
    ("settings", "accuracy", "live", "said"),
    [
        ({}, 0.1, 0.9, ""),
        ({"min_accuracy": 80}, 0.8, 0.9, ""),
        ({"min_accuracy": 80}, 0.79, 0.9, "at least 80 % are asked for"),
        ({"max_accuracy_drop": 5}, 0.85, 0.9, ""),
        ({"max_accuracy_drop": 5}, 0.84, 0.9, "6.0 points fewer"),
        ({"max_accuracy_drop": 1}, 0.84, 0.9, "1 point is allowed"),
        ({"max_accuracy_drop": 5}, 0.84, None, ""),
        ({"min_accuracy": 80}, None, None, ""),
    ],
)
def test_low_scores_are_named(
    settings: dict[str, Any], accuracy: float | None, live: float | None, said: str
):
    found = find_low_scores(
        settings,
        {} if accuracy is None else {"accuracy": accuracy},
        {} if live is None else {"accuracy": live},
    )
    assert said in found
    assert bool(found) == bool(said)
