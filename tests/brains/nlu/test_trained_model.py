"""A trained model understands other words than its examples, is unsure of the rest, and survives any text."""

import time

import pytest

from app.brains.nlu.training.trainer import Trained
from tests.brains.nlu.test_normalise import HOSTILE


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello, where is my order now?", "order_status"),
        ("wher is my ordr", "order_status"),
        ("at what time do you open tomorrow", "opening_hours"),
        ("I would like a refund", "refund"),
    ],
)
def test_other_words_are_understood(trained: Trained, text: str, intent: str):
    guess = trained.model.guess(text)
    assert guess.ranked[0][0] == intent
    assert guess.ranked[0][1] >= guess.threshold


@pytest.mark.parametrize(
    "text", ["who won the football match", "my cat is asleep on the sofa", "sing me a song"]
)
def test_other_matters_are_refused(trained: Trained, text: str):
    guess = trained.model.guess(text)
    assert not guess.ranked or guess.ranked[0][1] < guess.threshold


@pytest.mark.parametrize("text", ["", "👍", "?!", "\u202e"])
def test_nothing_to_go_by_is_no_intent(trained: Trained, text: str):
    assert trained.model.guess(text).ranked == ()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_answered_soon(trained: Trained, text: str):
    started = time.perf_counter()
    trained.model.guess(text)
    assert time.perf_counter() - started < 0.5
