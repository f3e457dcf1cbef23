"""Gate on the scores of a draft's intents: least accuracy, and how far below the live version's it may be."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.brains.document.understanding import TrainedIntents
from app.brains.versions import intent_models, store
from app.brains.versions.models import Brain
from app.signals import DomainError


class LowScores(DomainError):
    """Draft whose intents are understood worse than its settings ask for."""

    code = "low-scores"


def find_low_scores(
    settings: Mapping[str, Any], report: Mapping[str, Any], live_report: Mapping[str, Any]
) -> str:
    """Say which limit of a draft's `settings` its report is below; empty for none. A report may be empty."""
    if not report:
        return ""
    accuracy = 100 * report["accuracy"]
    least = settings.get("min_accuracy") or 0
    if round(accuracy, 6) < least:
        return f"{accuracy:.1f} % of the examples are understood, and at least {least} % are asked for"
    drop, allowed = 100 * live_report.get("accuracy", 0.0) - accuracy, settings.get("max_accuracy_drop") or 0
    if allowed and round(drop, 6) > allowed:
        return (
            f"{accuracy:.1f} % of the examples are understood, {drop:.1f} points fewer than by the live version; "
            f"{allowed} {'point is' if allowed == 1 else 'points are'} allowed"
        )
    return ""


def require_scores(
    session: Session, brain: Brain, draft: Mapping[str, Any], trained: TrainedIntents | None, reason: str
) -> str:
    """Return the reason a draft of a brain is published with low scores; empty when they are not low.

    Raises LowScores when they are and there is no reason.
    """
    live = store.find_live_version(session, brain)
    live_report = intent_models.find_report(session, live) if live else {}
    low = find_low_scores(draft.get("settings") or {}, trained.report if trained else {}, live_report)
    if low and not reason.strip():
        raise LowScores(f"Not published: {low}. Improve the examples, or publish anyway with a reason.")
    return reason if low else ""
