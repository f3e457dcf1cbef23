"""Removal of tests recorded from a person's chats, and of examples with their words, from drafts and versions.

A test does not say which chat it was made from. It is taken to be the person's when it begins in the very second of
one of their runs with the words that run was about, names them, or has somebody say a long sentence of theirs.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.document.edits.added_examples import list_not_intents
from app.brains.document.edits.intent_changes import list_examples
from app.brains.document.schema import hash_content
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable
from app.privacy.redaction import Redactor

# So long that no two people write it by chance.
MIN_SENTENCE_LENGTH: Final = 24
ERASURE_NOTE: Final = "What a person said was erased from its tests and examples."
_MAX_NOTE_LENGTH: Final = 500

SavedTest = Mapping[str, Any]
RedactionStep = Callable[[Session, int, "Utterances"], int]


@immutable
class Utterances:
    """What the person said, and the seconds (since 1970) in which runs of theirs began, with what these were about."""

    redactor: Redactor
    # Long ones alone: shorter ones may stand in a test that somebody wrote by hand.
    sentences: frozenset[str]
    run_starts: frozenset[tuple[int, str]]

    def has_said(self, text: str) -> bool:
        """Tell whether a text is a sentence of theirs, or names them."""
        return text in self.sentences or self.redactor.has_match(text, words=False)

    def has_match(self, case: SavedTest, zone: ZoneInfo) -> bool:
        """Tell whether a test was recorded from their messages."""
        texts = [_read_step_text(step) for step in case.get("steps", ()) if "user" in step]
        sentences = {each for each in texts if len(each) >= MIN_SENTENCE_LENGTH}
        return (
            (_second(case, zone), next(iter(texts), "")) in self.run_starts
            or bool(sentences & self.sentences)
            or self.redactor.has_match(dict(case), words=False)
        )


def redact_document(document: Mapping[str, Any], utterances: Utterances) -> tuple[dict[str, Any], int]:
    """Return a brain's document without the person's tests, examples and words elsewhere; how many were changed."""
    tests = list(document.get("tests") or ())
    zone = ZoneInfo(str((document.get("settings") or {}).get("timezone") or "UTC"))
    words = Redactor((), utterances.sentences)
    kept = [words.redact(case) for case in tests if not utterances.has_match(case, zone)]
    changed = len(tests) - sum(case in tests for case in kept)
    whole, gone = _redact_examples(document, utterances)
    return ({**whole, "tests": kept} if changed else whole), changed + gone


def _redact_examples(document: Mapping[str, Any], utterances: Utterances) -> tuple[dict[str, Any], int]:
    """Return a document without the examples that are sentences of the person's or name them; how many they were.

    An intent that has no other example keeps the words of its name: without any it would be none.
    """
    whole, gone = dict(document), 0
    if others := list_not_intents(document):
        kept = [text for text in others if not utterances.has_said(text)]
        gone += len(others) - len(kept)
        whole["not_intents"] = kept
    intents = []
    for intent in document.get("intents") or ():
        examples = list_examples(intent)
        kept = [text for text in examples if not utterances.has_said(text)]
        gone += len(examples) - len(kept)
        intents.append({**intent, "examples": kept or [str(intent.get("name")).replace("_", " ")]})
    if intents:
        whole["intents"] = intents
    return (whole, gone) if gone else (dict(document), 0)


def list_brain_ids(session: Session) -> list[int]:
    """Return all brains."""
    return list(session.scalars(select(Brain.id).order_by(Brain.id)))


def list_version_ids(session: Session) -> list[int]:
    """Return all versions."""
    return list(session.scalars(select(BrainVersion.id).order_by(BrainVersion.id)))


def redact_draft(session: Session, brain_id: int, utterances: Utterances) -> int:
    """Take the person's tests out of a draft; returns how many."""
    brain = session.get(Brain, brain_id, with_for_update=True)
    if brain is None:
        return 0
    document, gone = redact_document(brain.draft, utterances)
    if gone:
        brain.draft, brain.draft_rev = document, brain.draft_rev + 1
    return gone


def redact_version(session: Session, version_id: int, utterances: Utterances) -> int:
    """Take the person's tests out of a version, with a new hash and a word about it; returns how many."""
    version = session.get(BrainVersion, version_id, with_for_update=True)
    if version is None:
        return 0
    document, gone = redact_document(version.document, utterances)
    if gone:
        version.document, version.hash = document, hash_content(document)
        if ERASURE_NOTE not in version.note:
            version.note = (
                f"{version.note[: _MAX_NOTE_LENGTH - len(ERASURE_NOTE) - 1]} {ERASURE_NOTE}".strip()
            )
    return gone


def list_redaction_steps(session: Session) -> Iterator[tuple[RedactionStep, int]]:
    """Yield what has to be gone through, as a step and its row."""
    yield from ((redact_draft, each) for each in list_brain_ids(session))
    yield from ((redact_version, each) for each in list_version_ids(session))


def _read_step_text(step: Mapping[str, Any]) -> str:
    """Return the words of a step: what is written, a caption or a place; a voice has none."""
    act = step["user"]
    words = next(iter(act.values()), "") if isinstance(act, Mapping) else act
    return words.strip() if isinstance(words, str) else ""


def _second(case: SavedTest, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(str((case.get("start") or {}).get("time") or ""))
    except ValueError:
        return -1
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
