"""Understanding at run time: the reader of a brain's messages, and the models it asks."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.brains.document.intents import Intent, build_read_intents, build_training_set
from app.brains.document.schema import BrainSettings, Document
from app.brains.document.validation import parse_document
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.message_reader import Reader
from app.brains.nlu.models import MODELS, LoadedModel
from app.brains.nlu.training.training_set import TrainingSet
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


def build_draft_reader(data: Mapping[str, Any], find_model: Callable[[], LoadedModel | None]) -> Reader:
    """Return a reader of messages for a draft, right or wrong: intents with problems are left out."""
    intents = []
    for each in data.get("intents") or ():
        with suppress(ValidationError):
            intents.append(Intent.model_validate(each))
    settings = BrainSettings()
    with suppress(ValidationError):
        settings = BrainSettings.model_validate(data.get("settings") or {})
    return Reader(build_read_intents(intents), find_model, ZoneInfo(settings.timezone), settings.language)


@immutable
class TrainedIntents:
    """Model of a draft's intents: digests of what it was trained on and of its bytes, its report, its bytes."""

    training_digest: str
    digest: str
    report: Mapping[str, Any]
    body: bytes


def read_training_set(data: Mapping[str, Any]) -> TrainingSet | None:
    """Return what a draft's intents are trained on, whatever else is wrong with it; None for one without intents.

    Raises InvalidDocument for intents with problems.
    """
    intents, settings = data.get("intents"), data.get("settings")
    if not intents:
        return None
    encoder = settings.get("encoder") if isinstance(settings, Mapping) else None
    rules = {} if encoder is None else {"encoder": encoder}
    part = {"intents": intents, "not_intents": data.get("not_intents") or ()}
    document = parse_document({"brain": "b", "title": "B", "settings": rules, **part})
    return build_training_set(document.intents, document.settings.encoder, document.not_intents)


def train_set(
    wanted: TrainingSet,
    progress: Callable[[float], None] = lambda _share: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> TrainedIntents:
    """Train a set, unless it was before; raises TrainingFailed, also when it was cancelled."""
    result = MODELS.train(wanted, progress, is_cancelled)
    return TrainedIntents(wanted.digest, compute_digest(result.model), result.report, result.model)


def train_intents(data: Mapping[str, Any]) -> TrainedIntents | None:
    """Train the intents of a draft, unless they were since they changed; None for one without or with problems.

    Raises TrainingFailed.
    """
    try:
        document = Document.model_validate({**data, "tests": ()})
    except ValidationError:
        return None
    if not document.intents:
        return None
    return train_set(build_training_set(document.intents, document.settings.encoder, document.not_intents))


def train_draft(document: Document) -> LoadedModel | None:
    """Return the model of a draft, trained now unless it was since its intents changed; raises TrainingFailed."""
    if not document.intents:
        return None
    result = MODELS.train(
        build_training_set(document.intents, document.settings.encoder, document.not_intents)
    )
    return MODELS.load(compute_digest(result.model), lambda: result.model)
