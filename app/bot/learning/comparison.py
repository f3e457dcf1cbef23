"""Effect of changed intents: how the scores of two models differ, and where each of them leads a message."""

from collections.abc import Mapping
from typing import Any, Final

from app.brains.document.schema import Document
from app.brains.document.understanding import FindModel, build_reader
from app.brains.triggers.intent import Config as IntentConfig
from app.immutable import immutable

# Keys of a report (app.brains.nlu.training.evaluation) in the order they are shown.
SCORES: Final = ("accuracy", "accepted", "wrong", "wrongly_accepted")


@immutable
class ScoreChange:
    """A share (0 to 1) before and after; None where there is none. `name`: one of SCORES, or an intent."""

    name: str
    before: float | None
    after: float | None

    @property
    def points(self) -> float | None:
        """By how many percentage points it moved; None where one of both is not known."""
        if self.before is None or self.after is None:
            return None
        return round(100 * (self.after - self.before), 2)


@immutable
class ScoreChanges:
    """What differs between two reports: the scores of the whole, and the recall of each intent."""

    scores: tuple[ScoreChange, ...]
    recalls: tuple[ScoreChange, ...]


def compare_scores(before: Mapping[str, Any], after: Mapping[str, Any]) -> ScoreChanges:
    """Compare the reports of two models; an empty one is that of a brain without a model."""
    old, new = _read_recalls(before), _read_recalls(after)
    return ScoreChanges(
        tuple(ScoreChange(name, _read(before, name), _read(after, name)) for name in SCORES),
        tuple(ScoreChange(name, old.get(name), new.get(name)) for name in sorted({*old, *new})),
    )


def _read(report: Mapping[str, Any], name: str) -> float | None:
    value = report.get(name)
    return float(value) if isinstance(value, int | float) else None


def _read_recalls(report: Mapping[str, Any]) -> dict[str, float]:
    return {str(each["name"]): float(each["recall"]) for each in report.get("intents", ())}


class Router:
    """Where a document's intents lead messages; `find_model` as for a reader of messages."""

    def __init__(self, document: Document, find_model: FindModel | None) -> None:
        self._reader = build_reader(document, find_model)
        self._least: dict[str, float] = {}
        for command in document.commands:
            trigger = command.trigger
            if command.enabled and isinstance(trigger, IntentConfig) and trigger.min_confidence is not None:
                least = trigger.min_confidence / 100
                self._least[trigger.intent] = min(least, self._least.get(trigger.intent, least))

    def find_route(self, text: str) -> str:
        """Return the intent that is accepted for a message; empty for none."""
        # Which moment its dates are counted from does not matter for its intent.
        found = self._reader.read(text, 0)
        least = self._least.get(found.intent, found.threshold)
        return found.intent if found.intent and found.confidence >= least else ""
