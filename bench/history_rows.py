"""A year of made-up messages: a few connections and brains, twenty commands each, people by their thousands.

How often people write and which words they use follows Zipf's law, as it does in life.
"""

import math
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import JSON, Table, insert
from sqlalchemy import Connection as Db

from app.bot.models import Chat, ChatLabel, Connection, Contact, Label, Message, Run
from app.brains.ai.models import AiCall
from app.brains.versions.models import Brain, BrainVersion
from app.clock import DAY_MS
from app.db.schema import get_table
from app.text import to_json

CONNECTIONS = 5
BRAINS = 5
COMMANDS = 20
MESSAGES_EACH = 50  # of a person, on average
BATCH = 10_000
WORDS = 20_000
# Of an answer, in percent: read, delivered and not read, sent, failed.
_STATES = ("read",) * 61 + ("delivered",) * 26 + ("sent",) * 11 + ("failed",) * 2
_CODES = ("131026", "131026", "131047", "131049", "130472", "131051")
_SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "wa",
    "ze",
    "shi",
)

Row = dict[str, Any]


def word(rank: int) -> str:
    """Return the word of a rank, the most frequent is 0."""
    letters, rest = "", rank + len(_SYLLABLES)
    while rest:
        rest, syllable = divmod(rest, len(_SYLLABLES))
        letters += _SYLLABLES[syllable]
    return letters


class History:
    """Makes the messages of the year before `now` (ms)."""

    def __init__(self, messages: int, now: int) -> None:
        self.people = max(200, messages // MESSAGES_EACH)
        self._messages, self._now = messages, now
        self._chance = random.Random(1)
        self._words = [word(rank) for rank in range(WORDS)]
        self._often = list(accumulate(1 / (rank + 1) for rank in range(WORDS)))
        self._busy = list(accumulate(1 / (rank + 30) for rank in range(self.people)))
        self._chats = list(range(1, self.people + 1))
        self._chance.shuffle(self._chats)
        self._last: dict[int, int] = {}

    def fill(self, db: Db) -> None:
        """Store the messages, half of them answers; the caller commits."""
        _places(db, self._now)
        _store(db, Contact, [self._contact(n) for n in self._chats])
        _store(db, Chat, [self._chat(n) for n in sorted(self._chats)])
        step = 365 * DAY_MS / (self._messages // 2)
        said: list[Row] = []
        runs: list[Row] = []
        calls: list[Row] = []
        for n in range(self._messages // 2):
            exchange, run, call = self._exchange(n, int(self._now - 365 * DAY_MS + n * step))
            said += exchange
            runs.append(run)
            calls += call
            if len(runs) == BATCH or n == self._messages // 2 - 1:
                for model, rows in ((Message, said), (Run, runs), (AiCall, calls)):
                    _store(db, model, rows)
                    rows.clear()
        latest = [{"at": at, "chat": chat} for chat, at in self._last.items()]
        statement = "UPDATE chat SET last_message_at = {at} WHERE id = {chat}"
        names = ("%(at)s", "%(chat)s") if db.dialect.name == "postgresql" else (":at", ":chat")
        db.exec_driver_sql(statement.format(at=names[0], chat=names[1]), latest)

    def _contact(self, n: int) -> Row:
        name = " ".join(self._text(2)).title()
        facts = {"user_id": None, "username": "", "created_at": self._now}
        return {"id": n, "connection_id": n % CONNECTIONS + 1, "phone": f"4915{n:08}", "name": name, **facts}

    def _chat(self, n: int) -> Row:
        paused = self._now if n % 100 == 0 else None
        state = {"unread_count": int(n % 20 == 0), "paused_at": paused, "window_until": 0}
        facts = {"last_message_at": self._now, "created_at": self._now, "lease_until": 0, "epoch": 0}
        place = {"id": n, "connection_id": n % CONNECTIONS + 1, "contact_id": n, "title": "", "pending": 0}
        return {**place, **facts, **state, "pair_slot": 0}

    def _text(self, words: int) -> list[str]:
        return self._chance.choices(self._words, cum_weights=self._often, k=words)

    def _exchange(self, n: int, at: int) -> tuple[list[Row], Row, list[Row]]:
        """Make a message, its answer, the run between them and, now and then, a call of a language model."""
        chance = self._chance
        chat = chance.choices(self._chats, cum_weights=self._busy)[0]
        self._last[chat] = at
        brain = chat % BRAINS + 1
        command = f"c_{int(COMMANDS * chance.random() ** 2)}"
        whose = {"connection_id": chat % CONNECTIONS + 1, "chat_id": chat, "created_at": at}
        parts = {"brain_id": brain, "version_id": brain, "command_id": command}
        common = {"kind": "text", "payload": {}, "ordinal": 0, "attempts": 1, "repeats": 0}
        took, state = int(math.exp(chance.gauss(6, 0.8))), chance.choice(_STATES)
        answer = {
            "parent_id": 2 * n + 1,
            "state": state,
            "error_code": chance.choice(_CODES) if state == "failed" else None,
            "asked_at": at,
            "accepted_at": None if state == "failed" else at + took,
        }
        heard, answered = " ".join(self._text(6)), " ".join(self._text(12))
        inbound = {
            "direction": "in",
            "state": "done",
            "author": "contact",
            "provider_id": f"in{n}",
            "text": heard,
        }
        outbound = {"direction": "out", "author": "brain", "provider_id": None, "text": answered}
        question = dict.fromkeys([*parts, *answer]) | common | whose | inbound
        said = [question, common | whose | parts | answer | outbound]
        outcome = {
            "outcome": "answered",
            "fault": None,
            "trace": {},
            "micros": 1 + int(took * 20 * chance.random()),
        }
        run = {**whose, **parts, **outcome, "message_id": 2 * n + 1, "journal": None, "digest": None}
        call = {
            "brain_id": brain,
            "message_id": 2 * n + 1,
            "provider": "P",
            "model": "m",
            "messages": [],
            "status": "ok",
            "tokens_in": 500,
            "tokens_out": 80,
            "latency_ms": took,
            "created_at": at,
        }
        return said, run, [call] if n % 10 == 0 else []


def _places(db: Db, now: int) -> None:
    numbers = range(1, CONNECTIONS + 1)
    common = {"created_at": now, "updated_at": now}
    brains = [{"id": n, "slug": f"b{n}", "title": f"B{n}", "draft": {}, **common} for n in numbers]
    db.execute(insert(get_table(Brain)), brains)
    versions = [
        {"id": n, "brain_id": n, "number": 1, "hash": "", "document": {}, "created_at": now} for n in numbers
    ]
    db.execute(insert(get_table(BrainVersion)), versions)
    connections = [
        {"id": n, "name": f"C{n}", "channel": "cloud", "account": str(n), "config": {}, "created_at": now}
        for n in numbers
    ]
    db.execute(insert(get_table(Connection)), [{**row, "brain_id": row["id"]} for row in connections])
    db.execute(
        insert(get_table(Label)),
        [{"id": 1, "name": "VIP", "name_key": "vip", "colour": "red", "created_at": now}],
    )


def label(db: Db, people: int) -> None:
    """Put the label on every fiftieth chat."""
    db.execute(
        insert(get_table(ChatLabel)), [{"chat_id": n, "label_id": 1} for n in range(50, people + 1, 50)]
    )


def _store(db: Db, model: Any, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = get_table(model)
    if db.dialect.name == "postgresql":
        _copy(db, table, rows)
    else:
        db.execute(insert(table), rows)


def _copy(db: Db, table: Table, rows: Sequence[Row]) -> None:
    """Store rows ten times as fast as by inserts."""
    scalars = (
        (c.name, getattr(c.default, "arg", None))
        for c in table.c
        if c.default is not None and c.default.is_scalar
    )
    defaults = {name: value for name, value in scalars if name not in rows[0]}
    names = [*rows[0], *defaults]
    texts = {name for name in names if isinstance(table.c[name].type, JSON)}
    cursor: Any = db.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            values = {**defaults, **row}
            given = ((name, values[name]) for name in names)
            copy.write_row(
                [to_json(value) if name in texts and value is not None else value for name, value in given]
            )
