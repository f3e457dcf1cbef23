"""A reader knows its examples without a model, and says what decided."""

import threading

from app.brains.nlu.digest import compute_digest
from app.brains.nlu.entities import EntityRule
from app.brains.nlu.message_reader import Reader, ReadIntent
from app.brains.nlu.models import ModelCache
from app.brains.nlu.storage import dump_model
from app.brains.nlu.training.trainer import Trained
from app.brains.turn import Understanding
from tests.brains.nlu.conftest import EXAMPLES

INTENTS = [
    ReadIntent(name, examples, [EntityRule("amount", "number")] if name == "refund" else [])
    for name, examples in EXAMPLES.items()
]


def test_an_example_means_its_intent_without_a_model():
    found = Reader(INTENTS).read("Refund, please!", 0)
    assert (found.intent, found.confidence, found.by) == ("refund", 1.0, "example")
    assert found.entities == {"amount": ""}
    assert found.language == "en"


def test_an_example_of_two_intents_means_neither():
    reader = Reader([ReadIntent("a", ["same words"]), ReadIntent("b", ["Same words!"])])
    assert reader.read("same words", 0).by == "untrained"


def test_other_words_need_a_model(trained: Trained):
    assert Reader(INTENTS).read("where would my order be", 0).by == "untrained"
    body = dump_model(trained.model)
    cache = ModelCache()
    reader = Reader(INTENTS, lambda: cache.load(compute_digest(body), lambda: body))
    found = reader.read("where would my order be", 0)
    assert (found.intent, found.by, found.model) == ("order_status", "words", compute_digest(body))
    assert Understanding.from_json(found.to_json()) == found
    assert "entities" not in found.to_trace()


def test_a_model_that_cannot_be_read_leaves_the_examples():
    cache = ModelCache()
    reader = Reader(INTENTS, lambda: cache.load("0" * 64, lambda: b"no model"))
    assert reader.read("where would my order be", 0).by == "untrained"
    assert reader.read("refund please", 0).intent == "refund"


def test_a_model_that_is_long_in_coming_holds_no_other_brain_up():
    begun, done = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        done.wait(10)

    slow = threading.Thread(target=Reader(INTENTS, wait).read, args=["where would my order be", 0])
    slow.start()
    assert begun.wait(10)
    other = threading.Thread(target=Reader(INTENTS).read, args=["where would my order be", 0])
    other.start()
    other.join(5)
    was_held_up = other.is_alive()
    done.set()
    slow.join()
    assert not was_held_up
