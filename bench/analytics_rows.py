"""A year of made-up messages for the analytics bench: a few connections and brains, twenty commands each."""

import math
import random
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert

from app.bot.models import Chat, Connection, Contact, Message, Run
from app.brains.ai.models import AiCall
from app.brains.models import Brain, BrainVersion
from app.db import table_of
from app.realtime.ranges import DAY

CONNECTIONS = 5
BRAINS = 5
COMMANDS = 20
PEOPLE = 200
BATCH = 10_000
# Of an answer: read, delivered and not read, sent, failed.
_STATES = ("read",) * 60 + ("delivered",) * 25 + ("sent",) * 10 + ("failed",) * 5

Row = dict[str, Any]


def fill(db: Db, messages: int, now: int) -> None:
    """Store this many messages, half of them answers, of the year before `now` (ms); the caller commits."""
    _people(db, now)
    chance = random.Random(1)
    step = 365 * DAY / (messages // 2)
    pending: tuple[list[Row], list[Row], list[Row]] = ([], [], [])
    for n in range(messages // 2):
        said, run, call = _exchange(chance, n, int(now - 365 * DAY + n * step))
        pending[0].extend(said)
        pending[1].append(run)
        pending[2].extend(call)
        if len(pending[1]) == BATCH:
            _store(db, pending)
    _store(db, pending)


def _store(db: Db, pending: tuple[list[Row], list[Row], list[Row]]) -> None:
    for model, rows in zip((Message, Run, AiCall), pending, strict=True):
        if rows:
            db.execute(insert(table_of(model)), rows)
            rows.clear()


def _people(db: Db, now: int) -> None:
    numbers = range(1, CONNECTIONS + 1)
    common = {"created_at": now, "updated_at": now}
    brains = [{"id": n, "slug": f"b{n}", "title": f"B{n}", "draft": {}, **common} for n in numbers]
    db.execute(insert(table_of(Brain)), brains)
    versions = [
        {"id": n, "brain_id": n, "number": 1, "hash": "", "document": {}, "created_at": now} for n in numbers
    ]
    db.execute(insert(table_of(BrainVersion)), versions)
    connections = [
        {"id": n, "name": f"C{n}", "channel": "cloud", "account": str(n), "config": {}, "created_at": now}
        for n in numbers
    ]
    db.execute(insert(table_of(Connection)), connections)
    people = range(1, PEOPLE + 1)
    where = [{"id": n, "connection_id": n % CONNECTIONS + 1, "created_at": now} for n in people]
    db.execute(insert(table_of(Contact)), [{**row, "phone": str(row["id"])} for row in where])
    db.execute(
        insert(table_of(Chat)), [{**row, "contact_id": row["id"], "last_message_at": now} for row in where]
    )


def _exchange(chance: random.Random, n: int, at: int) -> tuple[list[Row], Row, list[Row]]:
    """Make a message, its answer, the run between them and, now and then, a call of a language model."""
    chat = chance.randint(1, PEOPLE)
    brain = chat % BRAINS + 1
    command = f"c_{int(COMMANDS * chance.random() ** 2)}"
    whose = {"connection_id": chat % CONNECTIONS + 1, "chat_id": chat, "created_at": at}
    parts = {"brain_id": brain, "version_id": brain, "command_id": command}
    common = {"kind": "text", "text": "", "payload": {}, "ordinal": 0, "attempts": 1}
    took, state = int(math.exp(chance.gauss(6, 0.8))), chance.choice(_STATES)
    answer = {
        "parent_id": 2 * n + 1,
        "state": state,
        "error_code": "131026" if state == "failed" else None,
        "asked_at": at,
        "accepted_at": None if state == "failed" else at + took,
    }
    inbound = {"direction": "in", "state": "done", "author": "contact", "provider_id": f"in{n}"}
    outbound = {"direction": "out", "author": "brain", "provider_id": None}
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
