"""Examples, and a model trained of them, for the tests of understanding."""

import pytest

from app.brains.nlu.training.trainer import Trained, train
from app.brains.nlu.training.training_set import TrainingSet

EXAMPLES = {
    "order_status": [
        "where is my order", "when will my order arrive", "track my order", "has my parcel been shipped",
        "my package has not arrived", "status of my order please", "when do I get my delivery",
    ],
    "opening_hours": [
        "when are you open", "what are your opening hours", "are you open on sunday", "what time do you close",
        "until when are you open", "do you open at eight", "is the shop open tomorrow",
    ],
    "refund": [
        "I want my money back", "can I get a refund", "how do I return this", "return an item",
        "send it back for a refund", "refund please", "I want to return the shoes",
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def wanted() -> TrainingSet:
    return TrainingSet(EXAMPLES)


@pytest.fixture(scope="session")
def trained(wanted: TrainingSet) -> Trained:
    return train(wanted, None)
