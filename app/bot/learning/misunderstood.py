"""Messages a brain did not understand: which count as such, how far back is looked, the grey zone."""

import threading
from collections import OrderedDict
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.learning.past_texts import CALLED, FALLBACK, INTENT, list_trigger_kinds, select_texts
from app.bot.models import IgnoredMessage
from app.brains.document.edits.added_examples import list_known_keys, list_not_intents
from app.brains.document.edits.intent_changes import list_examples
from app.brains.nlu.learning.clustering import MOST_MESSAGES
from app.brains.nlu.normalise import build_key
from app.brains.turn import Understanding
from app.brains.versions.models import Brain
from app.clock import DAY_MS
from app.immutable import immutable

DAYS: Final = 30  # that are looked back
GREY_ZONE: Final = 0.15  # of confidence above the threshold: accepted, and not for certain
_SIMULATOR: Final = "simulator"
_ASKED: Final = frozenset({"words", "encoder", "untrained"})
COUNT_MS: Final = 30_000  # that a number may be old
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
    """How many messages of each brain are listed, for the number beside the page's name; for many threads.

    They are counted again when intents or marks have changed, else after COUNT_MS: messages may come all the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Count] = OrderedDict()

    def count(self, session: Session, brain: Brain, now: int) -> int:
        """Return how many messages a brain did not understand, at most MOST_MESSAGES; `now` in ms."""
        if not brain.draft.get("intents"):
            return 0
        state = _find_state(session, brain)
        with self._lock:
            kept = self._kept.get(brain.id)
        if kept and kept.state == state and kept.counted_at <= now < kept.counted_at + COUNT_MS:
            return kept.count
        return self.keep(session, brain, len(list_misunderstood(session, brain, now)), now)

    def keep(self, session: Session, brain: Brain, count: int, now: int) -> int:
        """Keep a number that was just counted, and return it."""
        with self._lock:
            self._kept[brain.id] = _Count(count, now, _find_state(session, brain))
            self._kept.move_to_end(brain.id)
            while len(self._kept) > _MOST_COUNTS:
                self._kept.popitem(last=False)
        return count


@immutable
class _Count:
    """A number, when it was counted (ms), and of what."""

    count: int
    counted_at: int
    state: tuple[int, int]


def _find_state(session: Session, brain: Brain) -> tuple[int, int]:
    """Return the number of marks, by an index, and a hash of what the draft has examples of."""
    marks = session.scalar(select(func.count()).where(IgnoredMessage.brain_id == brain.id))
    examples = [list_examples(each) for each in brain.draft.get("intents") or ()]
    return marks or 0, hash((*map(tuple, examples), tuple(list_not_intents(brain.draft))))
