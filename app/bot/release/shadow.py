"""Shadows: a candidate that answers nobody is rehearsed on what the live version has just answered.

In a thread of its own, a few runs at a time; nothing is sent and nothing is remembered. The cursor and the counts are
one row, so that a restart goes on where it was and two workers never count a run twice.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection as Db
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.bot import history
from app.bot.beside import Beside
from app.bot.history import Heard, Page
from app.bot.models import Message
from app.bot.rehearsing import compiled
from app.brains.effects import listed
from app.brains.models import BrainVersion
from app.brains.rehearsal import SAME, Compared, Rehearsal, Side
from app.brains.rollout import SHADOW, Tally
from app.brains.rollout_models import Rollout, RolloutChange
from app.brains.runtime import Program, Runtime
from app.signals import changed
from app.writer import Database

log = structlog.get_logger(__name__)

# So few at a time that a live message beside them hardly waits.
BATCH: Final = 8
KEPT: Final = 100
# Seconds between two looks, and between two batches while there is more.
PAUSE: Final = 2.0
BREATH: Final = 0.05
# Runs this young (ms) wait: one with a lower number may not be committed yet.
SETTLED: Final = 2_000


class Shadow:
    """Looks for shadows under way, in `beside`, and keeps them up to date; safe beside other workers' looks."""

    def __init__(self, database: Database, runtime: Callable[[], Runtime], clock: Callable[[], int]) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self.beside = Beside("shadow", self.step, _failed, pause=PAUSE, breath=BREATH)

    def step(self) -> bool:
        """Rehearse one batch of every shadow under way; true when there may be more."""
        query = select(Rollout).where(Rollout.ended_at.is_(None), Rollout.mode == SHADOW)
        with self._database.read() as session:
            under_way = list(session.scalars(query))
        more = [self._rehearse(each) for each in under_way]
        return any(more)

    def _rehearse(self, rollout: Rollout) -> bool:
        with self._database.read() as session:
            until = self._clock() - SETTLED
            after = rollout.cursor or history.last_before(session, rollout.brain_id, rollout.started_at)
            page = history.answered_after(session, rollout.brain_id, after, until, BATCH)
            if not page.heard:
                return False
            programs = _programs(session, rollout, page.heard)
        candidate = programs.get(rollout.version_id)
        if candidate is None:
            return False
        played = Rehearsal(candidate, programs.get, self._runtime()).play([each.past for each in page.heard])
        if self._database.writer.run(lambda db: _note(db, rollout, page, played)):
            changed.send(topics={f"brain:{rollout.brain_id}"})
        return len(page.heard) == BATCH


def _failed(error: Exception) -> None:
    log.error("shadow failed", exc_info=error)


def _programs(session: Session, rollout: Rollout, heard: Sequence[Heard]) -> dict[int, Program]:
    """Compile the candidate and the versions that answered."""
    documents = history.documents(session, heard)
    candidate = session.get_one(BrainVersion, rollout.version_id)
    documents[candidate.id] = candidate.brain_id, candidate.document
    found = {number: compiled(number, *each) for number, each in documents.items()}
    return {number: program for number, program in found.items() if program}


def _note(db: Db, rollout: Rollout, page: Page, played: Sequence[Compared]) -> bool:
    """Count a batch; false when another worker has, or when the shadow has ended."""
    query = select(Rollout.tally).where(
        Rollout.id == rollout.id, Rollout.cursor == rollout.cursor, Rollout.ended_at.is_(None)
    )
    row = db.execute(query.with_for_update()).first()
    if row is None:
        return False
    tally = Tally.of(row.tally)
    for each in played:
        tally.kinds[each.kind] = tally.kinds.get(each.kind, 0) + 1
        tally.base.add(failed=each.before.status == "failed", micros=each.past.micros)
        tally.candidate.add(failed=each.after.status == "failed", micros=each.micros)
    db.execute(update(Rollout).where(Rollout.id == rollout.id).values(tally=tally.data(), cursor=page.last))
    different = [_change(rollout.id, each) for each in played if each.kind != SAME]
    if different:
        db.execute(insert(RolloutChange), different)
        _trim(db, rollout.id)
    return True


def _trim(db: Db, rollout_id: int) -> None:
    own = RolloutChange.rollout_id == rollout_id
    newest = select(RolloutChange.id).where(own).order_by(RolloutChange.id.desc())
    oldest = db.execute(newest.offset(KEPT - 1).limit(1)).scalar()
    if oldest is not None:
        db.execute(delete(RolloutChange).where(own, RolloutChange.id < oldest))


def _change(rollout_id: int, compared: Compared) -> dict[str, Any]:
    notes = [f"Would make a new call: {call}" for call in compared.new_calls]
    return {
        "rollout_id": rollout_id,
        "message_id": compared.past.turn.message_id,
        "kind": compared.kind,
        "before": _written(compared.before),
        "after": _written(compared.after),
        "notes": [*notes, *compared.notes],
    }


def _written(side: Side) -> dict[str, Any]:
    effects = None if side.effects is None else listed(side.effects)
    return {"status": side.status, "command": side.command, "why": side.why, "effects": effects}


def differing(session: Session, rollout_id: int, limit: int) -> list[tuple[RolloutChange, Message]]:
    """Return the newest messages on which a silent candidate differs, with what it would have done."""
    query = (
        select(RolloutChange, Message)
        .join(Message, Message.id == RolloutChange.message_id)
        .where(RolloutChange.rollout_id == rollout_id)
        .order_by(RolloutChange.id.desc())
        .limit(limit)
    )
    return [(row.RolloutChange, row.Message) for row in session.execute(query)]
