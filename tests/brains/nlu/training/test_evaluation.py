"""The report: scores with their interval, conflicts, confusions and weak intents."""

import pytest

from app.brains.nlu.training.evaluation import build_report, compute_interval
from app.brains.nlu.training.trainer import Trained, train
from app.brains.nlu.training.training_set import TrainingSet
from tests.brains.nlu.conftest import EXAMPLES


def test_good_intents_have_good_scores(trained: Trained):
    report = build_report(trained)
    assert report["accuracy"] >= 0.8
    assert report["interval"][0] < report["accuracy"] < report["interval"][1]
    assert report["examples"] == 21
    assert report["conflicts"] == []
    assert {each["name"] for each in report["intents"]} == set(EXAMPLES)
    assert all(each["is_weak"] for each in report["intents"])  # fewer than eight examples each


def test_examples_that_contradict_each_other_are_named():
    examples = {
        **EXAMPLES,
        "complaint": ["where is my order", "this is bad", "I am angry", "so slow", "awful"],
    }
    report = build_report(train(TrainingSet(examples), None))
    pairs = [[name for name, _ in each["examples"]] for each in report["conflicts"]]
    assert sorted(pairs[0]) == ["complaint", "order_status"]
    assert report["conflicts"][0]["is_same"]
    assert report["confusions"]


@pytest.mark.parametrize(
    ("hits", "count", "interval"), [(0, 0, (0.0, 1.0)), (10, 10, (0.7225, 1.0)), (5, 10, (0.2366, 0.7634))]
)
def test_the_interval_of_a_share(hits: int, count: int, interval: tuple[float, float]):
    assert compute_interval(hits, count) == interval
