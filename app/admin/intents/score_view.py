"""What pages show of a training and its report: scores with their change, examples to take out or move."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.admin.intents import intent_form
from app.brains.document.edits.intent_changes import SHOWN_CHARS, find_intent, list_examples
from app.brains.nlu.encoder import is_installed
from app.brains.versions.draft_scores import DraftScores, read_draft_scores
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.services import services
from app.web import db

# By key of a report: word, of what it is a share, and whether more of it is better.
SHARES: Final[Mapping[str, tuple[str, str, bool]]] = {
    "accuracy": ("Right intent", "of the examples, by models that had not seen them", True),
    "accepted": ("Right and accepted", "of the examples", True),
    "wrong": ("Wrong and accepted", "of the examples", False),
    "wrongly_accepted": ("Wrongly accepted", "of messages that mean none of the intents", False),
}


@immutable
class Score:
    """Share of a report, 0 to 1, and by how many points it differs from that of the live version (None: unknown)."""

    name: str
    share: float
    change: float | None
    is_better: bool = False


@immutable
class IntentScore:
    """Line of a report about one intent; `is_there`: the draft still has it."""

    name: str
    examples: int
    recall: Score
    precision: float
    is_weak: bool
    is_there: bool


@immutable
class ExampleChoice:
    """Example that a report doubts, and the other intent it may belong to; `other_example`: what it is like there."""

    intent: str
    example: str
    other: str
    other_example: str = ""
    confidence: float | None = None


def build_training_context(brain: Brain) -> dict[str, Any]:
    """Gather what the part of a page about the training shows."""
    scores = read_draft_scores(db.session(), brain)
    settings = brain.draft.get("settings")
    encoder = settings.get("encoder", "use-multilingual") if isinstance(settings, Mapping) else "none"
    return {
        "scores": scores,
        "report": scores.report,
        "drawn_at": services().clock(),
        "encoder_is_missing": encoder != "none" and not is_installed(encoder),
        "encoder_was_left_out": is_installed(encoder)
        and bool(scores.report)
        and not scores.report["encoder"],
    }


def build_list_context(brain: Brain) -> dict[str, Any]:
    """Gather what the list of intents shows, its training included."""
    context = build_training_context(brain)
    return {**context, "rows": intent_form.build_rows(brain.draft, context["report"])}


def build_report_context(brain: Brain) -> dict[str, Any]:
    """Gather what the page of a report shows; doubted examples that were changed since are left out."""
    context = build_training_context(brain)
    scores: DraftScores = context["scores"]
    report, live = scores.report, _get_compared(scores)
    if not report:
        return context
    conflicts = list(_list_conflicts(report, brain.draft))
    suspicious = list(_list_suspicious(report, brain.draft))
    return {
        **context,
        "shares": [
            _score(name, report[key], live.get(key), more) for key, (name, _of, more) in SHARES.items()
        ],
        "intent_scores": _list_intent_scores(report, live, brain.draft),
        "confusions": report["confusions"],
        "conflicts": conflicts,
        "suspicious": suspicious,
        "changed": len(report["conflicts"]) + len(report["suspicious"]) - len(conflicts) - len(suspicious),
        "is_compared": bool(live),
        "names": {each["name"] for each in report["intents"] if find_intent(brain.draft, each["name"])},
    }


def _get_compared(scores: DraftScores) -> Mapping[str, Any]:
    """Return the report of the live version; empty if it has the same model."""
    is_same = scores.model is not None and scores.model.id == scores.live_model_id
    return {} if is_same else scores.live_report


def _score(name: str, share: float, before: float | None, more_is_better: bool = True) -> Score:
    change = None if before is None else round(100 * (share - before), 1)
    return Score(name, share, change, bool(change) and (change > 0) == more_is_better)


def _list_intent_scores(
    report: Mapping[str, Any], live: Mapping[str, Any], draft: Mapping[str, Any]
) -> list[IntentScore]:
    before = {each["name"]: each["recall"] for each in live.get("intents", ())}
    return [
        IntentScore(
            each["name"],
            each["examples"],
            _score("Found", each["recall"], before.get(each["name"])),
            each["precision"],
            each["is_weak"],
            find_intent(draft, each["name"]) is not None,
        )
        for each in sorted(report["intents"], key=lambda each: (each["recall"], each["name"]))
    ]


def _list_conflicts(report: Mapping[str, Any], draft: Mapping[str, Any]) -> Iterator[ExampleChoice]:
    for each in report["conflicts"]:
        (one, text), (other, same) = each["examples"]
        if _has_example(draft, one, text) and _has_example(draft, other, same):
            yield ExampleChoice(one, text, other, same)


def _list_suspicious(report: Mapping[str, Any], draft: Mapping[str, Any]) -> Iterator[ExampleChoice]:
    for each in report["suspicious"]:
        if _has_example(draft, each["intent"], each["example"]):
            yield ExampleChoice(
                each["intent"], each["example"], each["taken_for"], confidence=each["confidence"]
            )


def _has_example(draft: Mapping[str, Any], name: str, shown: str) -> bool:
    intent = find_intent(draft, name)
    examples: Sequence[str] = list_examples(intent) if intent else ()
    return any(each.strip()[:SHOWN_CHARS].strip() == shown.strip() for each in examples)
