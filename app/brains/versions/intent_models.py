"""Trained models of intents in the database: trained before a publish, kept with its version, read by who answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.document.intents import build_training_set
from app.brains.document.schema import Document
from app.brains.document.understanding import FindModel, TrainedIntents, train_intents
from app.brains.nlu.models import MODELS, LoadedModel
from app.brains.versions.models import Brain, BrainVersion, IntentModel
from app.db.writer import Database
from app.signals import DomainError

__all__ = ["UntrainedIntents", "build_finder", "find_report", "keep_model", "train_intents"]


class UntrainedIntents(DomainError):
    """The draft has intents, and no model was trained of them as they stand."""

    code = "untrained-intents"


def keep_model(session: Session, brain: Brain, trained: TrainedIntents | None, now: int) -> int | None:
    """Store the model of a draft unless it is stored, and return its id; None for a draft without intents.

    Raises UntrainedIntents when `trained` is not of the draft's intents.
    """
    if not brain.draft.get("intents"):
        return None  # without a look at the rest: other writes wait meanwhile
    document = Document.model_validate(dict(brain.draft))
    wanted = build_training_set(document.intents, document.settings.encoder, document.not_intents)
    if trained is None or trained.training_digest != wanted.digest:
        raise UntrainedIntents(
            "The intents were changed since they were trained. Publish again to train them."
        )
    same = select(IntentModel.id).where(
        IntentModel.brain_id == brain.id, IntentModel.digest == trained.digest
    )
    found = session.scalar(same)
    if found is not None:
        return found
    model = IntentModel(
        brain_id=brain.id,
        training_digest=trained.training_digest,
        digest=trained.digest,
        encoder=str(trained.report.get("encoder", "")),
        report=dict(trained.report),
        body=trained.body,
        created_at=now,
    )
    session.add(model)
    session.flush()
    return model.id


def build_finder(database: Database, version: BrainVersion) -> FindModel | None:
    """Return what reads the model of a version when a message needs it; None for a version without one."""
    model_id = version.intent_model_id
    if model_id is None:
        return None

    def find(_document: Document) -> LoadedModel | None:
        with database.read() as session:
            digest = session.scalar(select(IntentModel.digest).where(IntentModel.id == model_id))
            if digest is None:
                return None
            body = select(IntentModel.body).where(IntentModel.id == model_id)
            return MODELS.load(digest, lambda: session.scalar(body) or b"")

    return find


def find_report(session: Session, version: BrainVersion) -> Mapping[str, Any]:
    """Return the report on the model of a version; empty for a version without one."""
    query = select(IntentModel.report).where(IntentModel.id == version.intent_model_id)
    return session.scalar(query) or {}
