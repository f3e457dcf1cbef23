"""Loop protection: thresholds by which two bots that answer each other are recognised.

Workers only count turns in memory; after every few within a short time a chat's last messages are read and judged. So
the pipeline pays next to nothing for it, and what is judged are the stored rows.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from sqlalchemy import select

from app.bot.models import Message
from app.bot.states import Direction
from app.bot.turns.claim import Job
from app.db.writer import Database
from app.immutable import immutable

# A chat with so many turns within so long (ms) is looked at.
SUSPECT_TURNS = 6
RECHECK_TURNS = 3  # turns until it is looked at once more
SUSPECT_SPAN_MS = 120_000
# So many exchanges in a row, each begun within so long (ms) of the answer before, are a loop if they look like one:
MIN_EXCHANGES = 12
MAX_PAUSE_MS = 10_000
# the other side answers faster than a person reads (ms), or it says the same again and again.
FAST_REPLY_MS = 2_000
SAME_TEXT_EXCHANGES = 5
# So many exchanges without a pause are one whatever they look like.
MAX_EXCHANGES = 60
# A chat that was stopped goes on when nothing has come for so long (ms): a person waits, or writes less.
QUIET_MS = 60_000
# Answers so short (characters) are a person's who plays or chooses, unless they come faster than anybody reads.
SHORT_CHARS = 12
# A changed number makes a longer text (characters) no other one; in shorter ones a person's move or choice.
COUNTED_CHARS = 16
# Nobody but a person taps these, or answers with a number alone.
_TAP_KINDS = frozenset({"button", "list"})
_NUMBER = re.compile(r"[\W\d_]*\d[\W\d_]*")
_MAX_CHATS = 10_000
_DIGITS = re.compile(r"\d+")

_LOOP_REASON_START = "This looks like two bots talking to each other"
_LOOP_REASON = _LOOP_REASON_START + ": {} answers in a row without a pause"


@immutable
class ChatMessage:
    """A message of a chat: its direction, kind, text and moment (ms)."""

    inbound: bool
    kind: str
    text: str
    at: int


def detect_loop(messages: Sequence[ChatMessage]) -> str:
    """Return why the end of a conversation, oldest message first, looks like a loop; empty when it does not."""
    exchanges = _list_exchanges(messages)
    count = len(exchanges)
    if count < MIN_EXCHANGES:
        return ""
    if count >= MAX_EXCHANGES:
        return _LOOP_REASON.format(count)
    texts = [text for _, text in exchanges]
    hasty = median(wait for wait, _ in exchanges) < FAST_REPLY_MS
    alike = len(set(texts[-SAME_TEXT_EXCHANGES:])) == 1
    short = median(len(text) for text in texts) <= SHORT_CHARS
    found = hasty and alike if short else hasty or alike
    return _LOOP_REASON.format(count) if found else ""


def is_loop_reason(pause_reason: str) -> bool:
    """Tell whether a chat is paused because it looked like a loop."""
    return pause_reason.startswith(_LOOP_REASON_START)


def _list_exchanges(messages: Sequence[ChatMessage]) -> list[tuple[int, str]]:
    """Return the exchanges without a pause at the end: how long the other side took (ms), and its text."""
    found: list[tuple[int, str]] = []
    after = list(reversed(messages))
    for newer, older in pairwise(after):
        if not newer.inbound:
            continue
        if newer.kind in _TAP_KINDS or _NUMBER.fullmatch(newer.text):
            break
        if older.inbound:
            # Several messages in a row: only the first of them follows an answer.
            continue
        wait = newer.at - older.at
        if wait > MAX_PAUSE_MS:
            break
        found.append((max(wait, 0), _unify_text(newer.text)))
    return found[::-1]


def _unify_text(text: str) -> str:
    """Return a text by which it is compared with another: a bot's repeated answer may have a counter in it."""
    text = text.casefold().strip()
    return _DIGITS.sub("0", text) if len(text) > COUNTED_CHARS else text


class LoopGuard:
    """Watches the turns of this process; safe to ask about the same chat from one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: OrderedDict[int, deque[int]] = OrderedDict()

    def find_loops(self, jobs: Sequence[Job], now: int) -> dict[int, str]:
        """Count these turns, and return by chat why it is to be left to a person."""
        watched = (job for job in jobs if job.loop_guard and _is_person(job))
        suspects = [job for job in watched if self._should_check(job.lease.chat_id, now)]
        return {job.lease.chat_id: why for job in suspects if (why := self._check_chat(job))}

    def _should_check(self, chat_id: int, now: int) -> bool:
        turns = self._turns.setdefault(chat_id, deque(maxlen=SUSPECT_TURNS))
        self._turns.move_to_end(chat_id)
        turns.append(now)
        if len(self._turns) > _MAX_CHATS:
            self._turns.popitem(last=False)
        if len(turns) < SUSPECT_TURNS or now - turns[0] > SUSPECT_SPAN_MS:
            return False
        for _ in range(RECHECK_TURNS):
            turns.popleft()
        return True

    def _check_chat(self, job: Job) -> str:
        columns = (Message.direction, Message.kind, Message.text, Message.created_at, Message.sent_at)
        query = (
            select(*columns)
            .where(Message.chat_id == job.lease.chat_id, Message.id <= job.message["id"])
            .order_by(Message.id.desc())
            .limit(2 * MAX_EXCHANGES + 1)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
        messages = [
            ChatMessage(
                row.direction == Direction.IN,
                row.kind,
                row.text,
                row.created_at if row.direction == Direction.IN else row.sent_at or row.created_at,
            )
            for row in reversed(rows)
        ]
        return detect_loop(messages)


def _is_person(job: Job) -> bool:
    return job.chat.contact_id is not None and job.message["kind"] not in _TAP_KINDS
