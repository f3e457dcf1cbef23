"""Training: equal sets give equal bytes, small sets are said to be too small, a broken encoder leaves the words."""

import numpy as np
import pytest

from app.brains.nlu.storage import dump_model
from app.brains.nlu.training import trainer
from app.brains.nlu.training.trainer import NamedEncoder, Trained, UntrainableSet, train
from app.brains.nlu.training.training_set import TrainingSet


def encode(sentences):
    """Return made-up vectors: letters counted."""
    counts = (
        np.array([[each.count(letter) for letter in "abcdefghijklmnop"] for each in sentences], np.float32)
        + 0.1
    )
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_equal_sets_give_equal_models(trained: Trained, wanted: TrainingSet):
    assert dump_model(train(wanted, None).model) == dump_model(trained.model)
    assert dump_model(train(TrainingSet(wanted.examples, seed=5), None).model) != dump_model(trained.model)


def test_a_model_with_an_encoder_keeps_one_for_the_words_alone(wanted: TrainingSet):
    model = train(wanted, NamedEncoder("letters", "digest", encode)).model
    assert [len(each.scales) for each in model.calibrations] == [1, 2]
    assert model.guess("where is my order now", encode).by == "encoder"
    for broken in (None, lambda _sentences: None):
        guess = model.guess("where is my order now", broken)
        assert (guess.by, guess.threshold) == ("words", round(model.calibrations[0].threshold, 4))


def test_an_encoder_that_fails_while_training_leaves_the_words(wanted: TrainingSet):
    assert train(wanted, NamedEncoder("gone", "digest", lambda _sentences: None)).model.encoder is None


def test_one_example_is_too_few_and_one_intent_is_enough():
    with pytest.raises(UntrainableSet, match="two examples"):
        train(TrainingSet({"a": ["one"]}), None)
    model = train(
        TrainingSet({"order": ["where is my order", "track my order", "my order is late"]}), None
    ).model
    assert model.guess("where is the order").ranked[0][0] == "order"


def test_progress_goes_up_to_the_end(wanted: TrainingSet):
    told: list[float] = []
    train(wanted, None, told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(0.9)


def test_a_background_message_that_an_example_says_is_none():
    rows = train(TrainingSet({"joke": ["tell me a joke", "another joke please", "make me laugh"]}), None).rows
    background = [text for text, place in zip(rows.texts, rows.classes, strict=True) if place == 1]
    assert "tell me a joke" not in background
    assert "why is the sky blue" in background


def test_the_nearest_examples_are_those_of_other_folds(monkeypatch: pytest.MonkeyPatch, wanted: TrainingSet):
    named = NamedEncoder("letters", "digest", encode)
    whole = dump_model(train(wanted, named).model)
    monkeypatch.setattr(trainer, "_BLOCK_ROWS", 7)
    assert dump_model(train(wanted, named).model) == whole
