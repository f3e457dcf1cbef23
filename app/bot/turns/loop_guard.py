"""Loops: two bots that answer each other are told from people by how fast and how alike they go on.

Workers only count turns in memory; after every few within a short time a chat's last messages are read and judged. So
the pipeline pays next to nothing for it, and what is judged are the stored rows.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sqlalchemy import select

from app.bot.claims import Job
from app.bot.models import Message
from app.writer import Database

# A chat with so many turns within so long (ms) is looked at.
SUSPECT = 6
AGAIN = 3  # turns until it is looked at once more
SPAN = 120_000
# So many exchanges in a row, each begun within so long (ms) of the answer before, are a loop if they look like one:
EXCHANGES = 12
PAUSE = 10_000
# the other side answers faster than a person reads (ms), or it says the same again and again.
HASTE = 2_000
ALIKE = 5
# So many exchanges without a pause are one whatever they look like.
ENDLESS = 60
# Nobody but a person taps these.
_TAPPED = frozenset({"button", "list"})
_KEPT = 10_000
_DIGITS = re.compile(r"\d+")

REASON = "This looks like two bots talking to each other: {} answers in a row without a pause"


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a chat: who said it, what and when (ms)."""

    inbound: bool
    kind: str
    text: str
    at: int


def judge(said: Sequence[Said]) -> str:
    """Say why the end of a conversation, oldest message first, looks like a loop; empty when it does not."""
    exchanges = _exchanges(said)
    count = len(exchanges)
    if count < EXCHANGES:
        return ""
    if count >= ENDLESS:
        return REASON.format(count)
    texts = [text for _, text in exchanges]
    hasty = median(wait for wait, _ in exchanges) < HASTE
    alike = len(set(texts[-ALIKE:])) == 1
    return REASON.format(count) if hasty or alike else ""


def _exchanges(said: Sequence[Said]) -> list[tuple[int, str]]:
    """Return the exchanges without a pause at the end: how long the other side took (ms), and what it said."""
    found: list[tuple[int, str]] = []
    after = list(reversed(said))
    for newer, older in pairwise(after):
        if not newer.inbound:
            continue
        if newer.kind in _TAPPED:
            break
        if older.inbound:
            # Several messages in a row: only the first of them follows an answer.
            continue
        wait = newer.at - older.at
        if wait > PAUSE:
            break
        found.append((max(wait, 0), _DIGITS.sub("0", newer.text.casefold()).strip()))
    return found[::-1]


class LoopGuard:
    """Watches the turns of this process; safe to ask about the same chat from one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: OrderedDict[int, deque[int]] = OrderedDict()

    def caught(self, jobs: Sequence[Job], now: int) -> dict[int, str]:
        """Count these turns, and return by chat why it is to be left to a person."""
        watched = (job for job in jobs if job.guarded and _is_person(job))
        suspects = [job for job in watched if self._count(job.lease.chat_id, now)]
        return {job.lease.chat_id: why for job in suspects if (why := self._look(job))}

    def _count(self, chat_id: int, now: int) -> bool:
        turns = self._turns.setdefault(chat_id, deque(maxlen=SUSPECT))
        self._turns.move_to_end(chat_id)
        turns.append(now)
        if len(self._turns) > _KEPT:
            self._turns.popitem(last=False)
        if len(turns) < SUSPECT or now - turns[0] > SPAN:
            return False
        for _ in range(AGAIN):
            turns.popleft()
        return True

    def _look(self, job: Job) -> str:
        columns = (Message.direction, Message.kind, Message.text, Message.created_at, Message.sent_at)
        query = (
            select(*columns)
            .where(Message.chat_id == job.lease.chat_id, Message.id <= job.message["id"])
            .order_by(Message.id.desc())
            .limit(2 * ENDLESS + 1)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
        said = [
            Said(
                row.direction == "in",
                row.kind,
                row.text,
                row.created_at if row.direction == "in" else row.sent_at or row.created_at,
            )
            for row in reversed(rows)
        ]
        return judge(said)


def _is_person(job: Job) -> bool:
    return job.chat.contact_id is not None and job.message["kind"] not in _TAPPED
