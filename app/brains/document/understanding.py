"""Understanding at run time: the reader of a brain's messages, and the models it asks."""

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.brains.document.intents import build_read_intents, build_training_set
from app.brains.document.schema import Document
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.message_reader import Reader
from app.brains.nlu.models import MODELS, LoadedModel
from app.immutable import immutable

# Returns the model that a document's intents are read with; None where there is none.
FindModel = Callable[[Document], LoadedModel | None]


def build_reader(document: Document, find_model: FindModel | None) -> Reader:
    """Return the reader of a document's messages; without `find_model` it knows the examples only."""
    settings = document.settings
    return Reader(
        build_read_intents(document.intents),
        (lambda: find_model(document)) if find_model else (lambda: None),
        ZoneInfo(settings.timezone),
        settings.language,
    )


@immutable
class TrainedIntents:
    """Model of a draft's intents: digests of what it was trained on and of its bytes, its report, its bytes."""

    training_digest: str
    digest: str
    report: Mapping[str, Any]
    body: bytes


def train_intents(
    data: Mapping[str, Any], progress: Callable[[float], None] = lambda _share: None
) -> TrainedIntents | None:
    """Train the intents of a draft, unless they were since they changed; None for one without or with problems.

    Raises TrainingFailed.
    """
    try:
        document = Document.model_validate({**data, "tests": ()})
    except ValidationError:
        return None
    if not document.intents:
        return None
    wanted = build_training_set(document.intents, document.settings.encoder, document.not_intents)
    result = MODELS.train(wanted, progress)
    return TrainedIntents(wanted.digest, compute_digest(result.model), result.report, result.model)


def train_draft(document: Document) -> LoadedModel | None:
    """Return the model of a draft, trained now unless it was since its intents changed; raises TrainingFailed."""
    if not document.intents:
        return None
    result = MODELS.train(
        build_training_set(document.intents, document.settings.encoder, document.not_intents)
    )
    return MODELS.load(compute_digest(result.model), lambda: result.model)
