"""Training apart: a report and a model, and a failure that says what to do."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from app.brains.nlu.storage import dump_model, load_model
from app.brains.nlu.training import training_child, training_process
from app.brains.nlu.training.trainer import Trained
from app.brains.nlu.training.training_process import TrainingFailed, train_apart
from app.brains.nlu.training.training_set import TrainingSet


def test_the_process_is_the_module_that_trains():
    assert training_child.__name__ == training_process.MODULE


def test_another_process_makes_the_same_model(trained: Trained, wanted: TrainingSet):
    told: list[float] = []
    result = train_apart(wanted, told.append)
    assert result.model == dump_model(trained.model)
    assert result.report["examples"] == 21
    assert told


def test_too_few_examples_are_a_failure_that_says_so():
    with pytest.raises(TrainingFailed, match="two examples"):
        train_apart(TrainingSet({"a": ["one"]}))


def test_a_killed_training_is_a_failure_and_leaves_nothing_behind():
    examples = {f"intent_{n}": [f"word{n} example{m} of{n * m} this" for m in range(60)] for n in range(40)}
    killed = threading.Thread(target=kill_children)
    killed.start()
    with pytest.raises(TrainingFailed, match="goes on"):
        train_apart(TrainingSet(examples))
    killed.join()


def kill_children() -> None:
    """Kill the training process of this one as soon as there is one."""
    for _ in range(500):
        listed = [
            number
            for each in Path("/proc/self/task").glob("*/children")
            for number in each.read_text().split()
        ]
        for number in listed:
            if b"training_child" in Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(int(number), signal.SIGKILL)
                return
        time.sleep(0.01)


def test_a_training_can_be_cancelled():
    with pytest.raises(TrainingFailed, match="cancelled"):
        train_apart(TrainingSet({"a": ["one", "two"]}), is_cancelled=lambda: True)


def test_a_model_from_another_process_is_readable(wanted: TrainingSet):
    assert load_model(train_apart(wanted).model).intents == tuple(sorted(wanted.examples))
