"""Tests that were made from a person's chats: taken out of drafts and, though these never change, of versions.

A test does not say which chat it was made from. It is taken to be the person's when it begins in the very second of
one of their runs with the words that run was about, names them, or has somebody say a long sentence of theirs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.privacy.marks import Marks
from app.brains.document import content_hash
from app.brains.models import Brain, BrainVersion

# So long that no two people write it by chance.
SENTENCE: Final = 24
NOTED: Final = "What a person said was erased from its tests."
_NOTE: Final = 500

Case = Mapping[str, Any]
Step = Callable[[Session, int, "Said"], int]


@dataclass(frozen=True, slots=True)
class Said:
    """What the person said, and the seconds (since 1970) in which runs of theirs began, with what these were about."""

    marks: Marks
    # Long ones alone: shorter ones may stand in a test that somebody wrote by hand.
    sentences: frozenset[str]
    moments: frozenset[tuple[int, str]]

    def made(self, case: Case, zone: ZoneInfo) -> bool:
        """Tell whether a test was made from what they said."""
        said = [_said(step) for step in case.get("steps", ()) if "user" in step]
        sentences = {each for each in said if len(each) >= SENTENCE}
        return (
            (_second(case, zone), next(iter(said), "")) in self.moments
            or bool(sentences & self.sentences)
            or self.marks.among(dict(case), words=False)
        )


def without(document: Mapping[str, Any], said: Said) -> tuple[dict[str, Any], int]:
    """Return a brain's document without the person's tests and without their words in others; how many were changed."""
    tests = list(document.get("tests") or ())
    zone = ZoneInfo(str((document.get("settings") or {}).get("timezone") or "UTC"))
    words = Marks((), said.sentences)
    kept = [words.clean(case) for case in tests if not said.made(case, zone)]
    changed = len(tests) - sum(case in tests for case in kept)
    return ({**document, "tests": kept} if changed else dict(document)), changed


def drafts(session: Session) -> list[int]:
    """Return all brains."""
    return list(session.scalars(select(Brain.id).order_by(Brain.id)))


def versions(session: Session) -> list[int]:
    """Return all versions."""
    return list(session.scalars(select(BrainVersion.id).order_by(BrainVersion.id)))


def clean_draft(session: Session, brain_id: int, said: Said) -> int:
    """Take the person's tests out of a draft; returns how many."""
    brain = session.get(Brain, brain_id, with_for_update=True)
    if brain is None:
        return 0
    document, gone = without(brain.draft, said)
    if gone:
        brain.draft, brain.draft_rev = document, brain.draft_rev + 1
    return gone


def clean_version(session: Session, version_id: int, said: Said) -> int:
    """Take the person's tests out of a version, with a new hash and a word about it; returns how many."""
    version = session.get(BrainVersion, version_id, with_for_update=True)
    if version is None:
        return 0
    document, gone = without(version.document, said)
    if gone:
        version.document, version.hash = document, content_hash(document)
        if NOTED not in version.note:
            version.note = f"{version.note[: _NOTE - len(NOTED) - 1]} {NOTED}".strip()
    return gone


def work(session: Session) -> Iterator[tuple[Step, int]]:
    """Yield what has to be gone through, as a step and its row."""
    yield from ((clean_draft, each) for each in drafts(session))
    yield from ((clean_version, each) for each in versions(session))


def _said(step: Mapping[str, Any]) -> str:
    """Return the words of a step: what is written, a caption or a place; a voice has none."""
    act = step["user"]
    words = next(iter(act.values()), "") if isinstance(act, Mapping) else act
    return words.strip() if isinstance(words, str) else ""


def _second(case: Case, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(str((case.get("start") or {}).get("time") or ""))
    except ValueError:
        return -1
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
