"""Rollouts beside the pipeline: runs are counted as they are stored, and a bad candidate is taken back right there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, bindparam, literal_column, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.dialects import postgresql, sqlite

from app.brains.models import Brain, BrainVersion
from app.brains.rollout import REVERTED, Guard, Tally
from app.brains.rollout_models import Rollout, RolloutChat
from app.db import table_of
from app.sql import Hot, among


@dataclass(frozen=True, slots=True)
class Counted:
    """A run to be counted for an arm of a rollout; `at` in ms."""

    rollout_id: int
    arm: str
    chat_id: int
    connection_id: int
    at: int


@dataclass(frozen=True, slots=True)
class Reverted:
    """A candidate that was taken back, and why."""

    rollout_id: int
    brain_id: int
    reason: str


Runs = Sequence[tuple[Counted, Mapping[str, Any]]]


def count(db: Db, runs: Runs) -> dict[int, Reverted]:
    """Count stored runs; returns what the guards took back, by the message of the run that tipped the scale.

    The rollout's row is locked until the end of the transaction: the next claim, wherever, sees the base alone.
    """
    if not runs:
        return {}
    reverted = {}
    for row in _under_way.rows(db, ids=sorted({counted.rollout_id for counted, _ in runs})):
        own = [(counted, run) for counted, run in runs if counted.rollout_id == row["id"]]
        tally = _added(db, row, own)
        last, run = own[-1]
        reason = Guard(row["extra_failures"], row["slower"], row["min_runs"]).verdict(tally)
        _write.each(db, [{"of": row["id"], "counts": tally.data()}])
        if reason:
            _revert(db, row, reason, last)
            reverted[run["message_id"]] = Reverted(row["id"], row["brain_id"], reason)
    return reverted


def _added(db: Db, row: Mapping[str, Any], runs: Runs) -> Tally:
    tally = Tally.of(row["tally"])
    for counted, run in runs:
        tally.arm(counted.arm).add(failed=run["outcome"] == "failed", micros=run["micros"])
    met = sorted({(counted.chat_id, counted.arm) for counted, _ in runs})
    rows = [{"rollout_id": row["id"], "chat_id": chat_id, "arm": arm} for chat_id, arm in met]
    for new in _meet.each_returning(db, rows):
        tally.arm(new["arm"]).chats += 1
    return tally


def _revert(db: Db, row: Mapping[str, Any], reason: str, last: Counted) -> None:
    ended = {"ended_at": last.at, "ending": REVERTED, "reason": reason[:500], "tell_to": _who(db, row)}
    db.execute(
        update(Rollout).where(Rollout.id == row["id"]).values(**ended, tell_connection_id=last.connection_id)
    )
    none = {"candidate_version_id": None, "candidate_percent": 0, "rollout_id": None}
    db.execute(update(Brain).where(Brain.id == row["brain_id"], Brain.rollout_id == row["id"]).values(none))


def _who(db: Db, row: Mapping[str, Any]) -> str | None:
    """Return the first person the candidate names for its errors."""
    query = select(BrainVersion.document).where(BrainVersion.id == row["version_id"])
    document = db.execute(query).scalar_one()
    parts = [*document.get("commands", ()), *document.get("groups", ())]
    return next((each["errors_to"] for each in parts if each.get("errors_to")), None)


def to_tell(db: Db, limit: int) -> list[Mapping[str, Any]]:
    """Return rollouts taken back of which somebody has still to be told, the oldest first."""
    query = select(table_of(Rollout)).where(Rollout.tell_to.is_not(None)).order_by(Rollout.id).limit(limit)
    return [dict(row) for row in db.execute(query).mappings()]


def told(db: Db, rollout_id: int, _at: int | None) -> bool:
    """Note that it was told, or that nobody can be; false when another worker did so first."""
    query = update(Rollout).where(Rollout.id == rollout_id, Rollout.tell_to.is_not(None))
    return db.execute(query.values(tell_to=None).returning(Rollout.id)).first() is not None


_rollout = table_of(Rollout).c
_under_way = Hot(
    select(
        _rollout.id,
        _rollout.brain_id,
        _rollout.version_id,
        _rollout.extra_failures,
        _rollout.slower,
        _rollout.min_runs,
        _rollout.tally,
    )
    .where(among(_rollout.id, "ids"), literal_column("rollout.ended_at IS NULL"))
    .order_by(_rollout.id)
    .with_for_update(key_share=True)
)
_write = Hot(
    update(table_of(Rollout))
    .where(_rollout.id == bindparam("of"))
    .values(tally=bindparam("counts", type_=JSON))
)


def _meeting(dialect: Any) -> Any:
    """Note whom an arm has met; those it knows already come back as nothing."""
    return dialect.insert(RolloutChat).on_conflict_do_nothing().returning(table_of(RolloutChat).c.arm)


_meet = Hot(_meeting(postgresql), ["rollout_id", "chat_id", "arm"], sqlite=_meeting(sqlite))
