"""Shadow mode: the candidate runs on live messages without answering; interval, batch size, stored differences.

In a thread of its own, a few runs at a time; nothing is sent, and nothing is remembered but how long the candidate's
commands rest. The cursor and the counts are one row, so that a restart goes on where it was and two workers never
count a run twice.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection as Db
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Cooldown, Message
from app.bot.models.run import SHADOW_SCOPE
from app.bot.release import recorded_turns
from app.bot.release.recorded_turns import RecordedPage, RecordedTurn
from app.bot.release.rehearsals import compile_version
from app.bot.turns.commit import store_cooldowns
from app.brains.effects.model import dump_effects
from app.brains.runtime.program import Program
from app.brains.runtime.rehearsal import SAME, Comparison, Rehearsal, RunResult
from app.brains.runtime.replay import CooldownBranch, CooldownEnds
from app.brains.runtime.runtime import Runtime
from app.brains.versions.canary_guard import RolloutStats
from app.brains.versions.intent_models import build_finder
from app.brains.versions.models import BrainVersion, Rollout, RolloutChange
from app.brains.versions.routing import SHADOW
from app.db.after_commit import send_changed
from app.db.maintenance_job import MaintenanceJob
from app.db.schema import get_table
from app.db.statements import Statement
from app.db.writer import Database

log = structlog.get_logger(__name__)

# So few at a time that a live message beside them hardly waits.
BATCH_SIZE: Final = 8
MAX_CHANGES: Final = 100
# Between two looks, and between two batches while there is more (ms).
POLL_INTERVAL_MS: Final = 2_000
BATCH_PAUSE_MS: Final = 50
# Runs this young (ms) wait: one with a lower number may not be committed yet.
COMMIT_MARGIN_MS: Final = 2_000


_rollout = get_table(Rollout).c
# Asked all the time, so on the driver.
_SELECT_UNDER_WAY = Statement(select(_rollout.id).where(_rollout.ended_at.is_(None), _rollout.mode == SHADOW))


class Shadow:
    """Keeps the shadows under way up to date, as a maintenance job; safe beside other workers."""

    def __init__(self, database: Database, runtime: Callable[[], Runtime], clock: Callable[[], int]) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self.job = MaintenanceJob(
            name="shadow",
            run=lambda _context: self.run_batch(),
            interval_ms=POLL_INTERVAL_MS,
            pause_ms=BATCH_PAUSE_MS,
            own_thread=True,
            on_error=_log_error,
        )

    def run_batch(self) -> bool:
        """Rehearse one batch of every shadow under way; true when there may be more."""
        with self._database.engine.connect() as db:
            ids = [row["id"] for row in _SELECT_UNDER_WAY.execute(db)]
        if not ids:
            return False
        with self._database.read() as session:
            under_way = list(session.scalars(select(Rollout).where(Rollout.id.in_(ids))))
        more = [self._rehearse(each) for each in under_way]
        return any(more)

    def _rehearse(self, rollout: Rollout) -> bool:
        with self._database.read() as session:
            until = self._clock() - COMMIT_MARGIN_MS
            after = rollout.cursor or recorded_turns.find_last_run_id(
                session, rollout.brain_id, rollout.started_at
            )
            page = recorded_turns.list_answered_after(session, rollout.brain_id, after, until, BATCH_SIZE)
            if not page.turns:
                return False
            programs = self._compile_programs(session, rollout, page.turns)
            ends = _read_cooldowns(session, rollout, page)
        candidate = programs.get(rollout.version_id)
        if candidate is None:
            return False
        cooldowns = CooldownBranch(candidate, rollout.started_at, ends)
        rehearsal = Rehearsal(candidate, programs.get, self._runtime(), cooldowns)
        played = rehearsal.run([each.run for each in page.turns])
        self._database.writer.run(lambda db: _store_batch(db, rollout, page, played, cooldowns.changed))
        return len(page.turns) == BATCH_SIZE

    def _compile_programs(
        self, session: Session, rollout: Rollout, turns: Sequence[RecordedTurn]
    ) -> dict[int, Program]:
        """Compile the candidate, which reads messages with its own model, and the versions that answered."""
        documents = recorded_turns.load_documents(session, turns)
        found = {number: compile_version(number, *each) for number, each in documents.items()}
        candidate = session.get_one(BrainVersion, rollout.version_id)
        finder = build_finder(self._database, candidate)
        found[candidate.id] = compile_version(candidate.id, candidate.brain_id, candidate.document, finder)
        return {number: program for number, program in found.items() if program}


def _log_error(error: Exception) -> None:
    log.error("shadow failed", exc_info=error)


def _read_cooldowns(session: Session, rollout: Rollout, page: RecordedPage) -> CooldownEnds:
    """Return until when the candidate's commands rest for the people and chats of a page, by its own runs."""
    if not rollout.cursor:
        return {}
    scopes = {"brain"}
    for each in page.turns:
        scopes |= {f"contact:{each.run.journal['contact']}", f"chat:{each.run.turn.chat_id}"}
    query = select(Cooldown).where(
        Cooldown.brain_id == rollout.brain_id, Cooldown.scope.in_(SHADOW_SCOPE + each for each in scopes)
    )
    return {
        (row.command_id, row.scope.removeprefix(SHADOW_SCOPE)): row.until for row in session.scalars(query)
    }


def _store_batch(
    db: Db,
    rollout: Rollout,
    page: RecordedPage,
    played: Sequence[Comparison],
    cooldowns: CooldownEnds,
) -> None:
    """Count a batch, unless another worker has, or the shadow has ended."""
    query = select(Rollout.tally).where(
        Rollout.id == rollout.id, Rollout.cursor == rollout.cursor, Rollout.ended_at.is_(None)
    )
    row = db.execute(query.with_for_update()).first()
    if row is None:
        return
    tally = RolloutStats.from_data(row.tally)
    for each in played:
        tally.kinds[each.kind] = tally.kinds.get(each.kind, 0) + 1
        tally.base.add(failed=each.before.status == "failed", micros=each.recorded.micros)
        tally.candidate.add(failed=each.after.status == "failed", micros=each.micros)
    db.execute(
        update(Rollout).where(Rollout.id == rollout.id).values(tally=tally.to_data(), cursor=page.last_run_id)
    )
    _store_cooldowns(db, rollout, cooldowns)
    different = [_build_change_row(rollout.id, each) for each in played if each.kind != SAME]
    if different:
        db.execute(insert(RolloutChange), different)
        _trim(db, rollout.id)
    send_changed(db, topics.brain(rollout.brain_id))


def _store_cooldowns(db: Db, rollout: Rollout, changed: CooldownEnds) -> None:
    """Store until when the candidate's commands rest; those of the shadow before it end with the first batch."""
    if not rollout.cursor:
        own = Cooldown.scope.startswith(SHADOW_SCOPE)
        db.execute(delete(Cooldown).where(Cooldown.brain_id == rollout.brain_id, own))
    rows = [
        {
            "brain_id": rollout.brain_id,
            "command_id": command_id,
            "scope": SHADOW_SCOPE + scope,
            "until": until,
        }
        for (command_id, scope), until in changed.items()
    ]
    if rows:
        store_cooldowns(db, rows)


def _trim(db: Db, rollout_id: int) -> None:
    own = RolloutChange.rollout_id == rollout_id
    newest = select(RolloutChange.id).where(own).order_by(RolloutChange.id.desc())
    oldest = db.execute(newest.offset(MAX_CHANGES - 1).limit(1)).scalar()
    if oldest is not None:
        db.execute(delete(RolloutChange).where(own, RolloutChange.id < oldest))


def _build_change_row(rollout_id: int, compared: Comparison) -> dict[str, Any]:
    notes = [f"Would make a new call: {call}" for call in compared.new_calls]
    return {
        "rollout_id": rollout_id,
        "message_id": compared.recorded.turn.message_id,
        "kind": compared.kind,
        "before": _dump_side(compared.before),
        "after": _dump_side(compared.after),
        "notes": [*notes, *compared.notes],
    }


def _dump_side(side: RunResult) -> dict[str, Any]:
    effects = None if side.effects is None else dump_effects(side.effects)
    return {"status": side.status, "command": side.command, "why": side.why, "effects": effects}


def list_differences(session: Session, rollout_id: int, limit: int) -> list[tuple[RolloutChange, Message]]:
    """Return the newest messages on which a silent candidate differs, with what it would have done."""
    query = (
        select(RolloutChange, Message)
        .join(Message, Message.id == RolloutChange.message_id)
        .where(RolloutChange.rollout_id == rollout_id)
        .order_by(RolloutChange.id.desc())
        .limit(limit)
    )
    return [(row.RolloutChange, row.Message) for row in session.execute(query)]
