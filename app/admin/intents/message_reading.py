"""What a message means to the model of a draft that was trained last: candidates, who decided, entities, language."""

import json
from collections.abc import Sequence

from app.brains.document.understanding import build_draft_reader
from app.brains.nlu.models import MODELS, LoadedModel
from app.brains.turn import Understanding
from app.brains.versions.draft_scores import read_draft_scores
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.web import db

# What decided, in words.
DECIDERS = {
    "example": "It is word for word an example.",
    "words": "The words decided.",
    "encoder": "The words and the encoder decided.",
    "untrained": "No example says this, and the intents are not trained yet.",
    "nothing": "There is nothing in it to go by.",
}


@immutable
class MessageReading:
    """What is understood of a text; `entities` are pairs of name and value in words."""

    text: str
    found: Understanding
    decided_by: str
    entities: Sequence[tuple[str, str]]
    is_current: bool

    @property
    def is_meant(self) -> bool:
        """Whether the likeliest intent is sure enough to be meant."""
        return bool(self.found.intent) and self.found.confidence >= self.found.threshold


def read_message(brain: Brain, text: str, now: int) -> MessageReading:
    """Read a text of the moment `now` (ms) with the last model of a draft, and with its examples as they stand."""
    scores = read_draft_scores(db.session(), brain)

    def find_model() -> LoadedModel | None:
        model = scores.model
        return MODELS.load(model.digest, lambda: model.body) if model else None

    found = build_draft_reader(brain.draft, find_model).read(text, now)
    entities = [(name, _format_value(value)) for name, value in found.entities.items()]
    return MessageReading(text, found, DECIDERS[found.by], entities, scores.is_current)


def _format_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
