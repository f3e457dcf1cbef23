"""Messages a brain did not understand: which count as such, how far back is looked, the grey zone."""

import threading
from collections import OrderedDict
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.learning.past_texts import CALLED, FALLBACK, INTENT, list_trigger_kinds, select_texts
from app.bot.models import IgnoredMessage, Run
from app.brains.nlu.learning.clustering import MOST_MESSAGES
from app.brains.nlu.learning.intent_edits import list_known_keys
from app.brains.nlu.normalise import build_key
from app.brains.turn import Understanding
from app.brains.versions.models import Brain
from app.clock import DAY_MS
from app.immutable import immutable

DAYS: Final = 30  # that are looked back
GREY_ZONE: Final = 0.15  # of confidence above the threshold: accepted, and not for certain
_SIMULATOR: Final = "simulator"
_ASKED: Final = frozenset({"words", "encoder", "untrained"})
_MOST_COUNTS: Final = 100


class Reason(StrEnum):
    """Why a message is listed: no intent was accepted, one was but not for certain, or it got the default reply."""

    UNKNOWN = "unknown"
    UNSURE = "unsure"
    DEFAULT = "default"


@immutable
class MisunderstoodMessage:
    """Message that was not understood; `candidates` are the likeliest intents then, with confidences (0 to 1).

    `uncertainty` says how near the confidence was to the threshold, 0 to 1. `sent_at` in ms.
    """

    message_id: int
    chat_id: int
    text: str
    sent_at: int
    reason: Reason
    candidates: tuple[tuple[str, float], ...]
    uncertainty: float
    language: str
    is_simulated: bool
    is_ignored: bool


def list_misunderstood(
    session: Session, brain: Brain, now: int, *, ignored: bool = False
) -> list[MisunderstoodMessage]:
    """Return the newest messages of the last DAYS days that a brain did not understand, the newest first.

    Those its draft has an example of by now are left out; `ignored` asks for those that were taken out instead.
    """
    kinds = list_trigger_kinds(session, brain)
    has_intents = bool(brain.draft.get("intents"))
    known = list_known_keys(brain.draft)
    found: dict[int, MisunderstoodMessage] = {}
    for row in session.execute(select_texts(brain.id, now - DAYS * DAY_MS)):
        if (row.ignored is not None) != ignored or row.message_id in found:
            continue
        message = _build_message(row, kinds.get(row.command_id, ""), has_intents=has_intents)
        if message and build_key(message.text) not in known | {""}:
            found[row.message_id] = message
            if len(found) == MOST_MESSAGES:
                break
    return list(found.values())


def _build_message(row: Any, trigger: str, *, has_intents: bool) -> MisunderstoodMessage | None:
    """Return a message as it is listed; None for one that was understood."""
    understood = Understanding.from_json(row.understood or {})
    reason = _find_reason(understood, trigger, has_intents=has_intents)
    if reason is None:
        return None
    return MisunderstoodMessage(
        row.message_id,
        row.chat_id,
        row.joined or row.text,
        row.created_at,
        reason,
        understood.candidates,
        _rate_uncertainty(understood),
        understood.language,
        is_simulated=row.channel == _SIMULATOR,
        is_ignored=row.ignored is not None,
    )


def _find_reason(understood: Understanding, trigger: str, *, has_intents: bool) -> Reason | None:
    if trigger in CALLED:
        return None
    was_default = trigger == FALLBACK and has_intents
    if understood.by not in _ASKED:
        return Reason.DEFAULT if was_default else None
    if not understood.candidates or understood.confidence < understood.threshold:
        # A command may ask for less than the threshold, or for more: then the default reply answers.
        return None if trigger == INTENT else Reason.UNKNOWN
    if was_default:
        return Reason.DEFAULT
    return Reason.UNSURE if understood.confidence < understood.threshold + GREY_ZONE else None


def _rate_uncertainty(understood: Understanding) -> float:
    if not understood.candidates:
        return 0.0
    widest = max(understood.threshold, 1.0 - understood.threshold) or 1.0
    return max(0.0, 1.0 - abs(understood.confidence - understood.threshold) / widest)


class MisunderstoodCounts:
    """How many messages of each brain are listed, counted again only after something changed; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[tuple[int, ...], int]] = OrderedDict()

    def count(self, session: Session, brain: Brain, now: int) -> int:
        """Return how many messages a brain did not understand, at most MOST_MESSAGES; `now` in ms."""
        if not brain.draft.get("intents"):
            return 0
        state = (*_find_state(session, brain.id), brain.draft_rev, brain.live_version_id or 0, now // DAY_MS)
        with self._lock:
            kept = self._kept.get(brain.id)
        if kept and kept[0] == state:
            return kept[1]
        found = len(list_misunderstood(session, brain, now))
        with self._lock:
            self._kept[brain.id] = (state, found)
            while len(self._kept) > _MOST_COUNTS:
                self._kept.popitem(last=False)
        return found


def _find_state(session: Session, brain_id: int) -> tuple[int, int]:
    """Return the newest run and the number of marks, each by an index."""
    last = session.scalar(select(Run.id).where(Run.brain_id == brain_id).order_by(Run.id.desc()).limit(1))
    marks = session.scalar(select(func.count()).where(IgnoredMessage.brain_id == brain_id))
    return last or 0, marks or 0
