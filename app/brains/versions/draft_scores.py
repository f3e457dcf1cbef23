"""Scores of a draft's intents: last training, last model, and whether the intents were changed since."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.brains.document.understanding import read_training_set
from app.brains.document.validation import InvalidDocument
from app.brains.versions import intent_models, intent_trainings, store
from app.brains.versions.models import Brain, IntentModel, IntentTraining
from app.immutable import immutable


@immutable
class DraftScores:
    """Last training and model of a draft, and the report of the live version's model.

    `is_current`: the model is of the intents as they stand. Reports may be empty.
    """

    training: IntentTraining | None
    model: IntentModel | None
    is_current: bool
    live_report: Mapping[str, Any]
    live_model_id: int | None

    @property
    def is_running(self) -> bool:
        """Whether a training waits for a worker or is run by one."""
        return self.training is not None and self.training.ended_at is None

    @property
    def report(self) -> Mapping[str, Any]:
        """The report on the model; empty without one."""
        return self.model.report if self.model else {}


def read_draft_scores(session: Session, brain: Brain) -> DraftScores:
    """Find what is known of how well a draft's intents are understood."""
    try:
        wanted = read_training_set(brain.draft)
    except InvalidDocument:
        wanted = None
    current = intent_models.find_trained(session, brain.id, wanted) if wanted else None
    live = store.find_live_version(session, brain)
    model = current or _find_last(session, brain.id, live.intent_model_id if live else None)
    return DraftScores(
        intent_trainings.find_latest(session, brain.id),
        model,
        current is not None,
        intent_models.find_report(session, live) if live else {},
        live.intent_model_id if live else None,
    )


def _find_last(session: Session, brain_id: int, live_model_id: int | None) -> IntentModel | None:
    """Return the model of the last training that worked, else that of the live version."""
    for model_id in (intent_trainings.find_last_model_id(session, brain_id), live_model_id):
        model = session.get(IntentModel, model_id) if model_id else None
        if model:
            return model
    return None
