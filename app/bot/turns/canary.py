"""Rollout counts: runs counted at commit, automatic rollback triggered (thresholds: brains/versions/canary_guard)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, bindparam, literal_column, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.dialects import postgresql, sqlite

from app.bot.states import RunOutcome
from app.brains.versions.canary_guard import Guard, RolloutStats
from app.brains.versions.models import Brain, BrainVersion, Rollout, RolloutChat
from app.brains.versions.routing import REVERTED
from app.db.actor import build_job_actor
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.immutable import immutable
from app.logs import audit


@immutable
class RolloutRun:
    """A run to be counted for an arm of a rollout; `at` in ms."""

    rollout_id: int
    variant: str
    chat_id: int
    connection_id: int
    at: int


@immutable
class RolloutRevert:
    """A candidate that was rolled back, and why."""

    rollout_id: int
    brain_id: int
    reason: str


RolloutRuns = Sequence[tuple[RolloutRun, Mapping[str, Any]]]


_rollout = get_table(Rollout).c
_SELECT_ACTIVE = Statement(
    select(
        _rollout.id,
        _rollout.brain_id,
        _rollout.version_id,
        _rollout.extra_failures,
        _rollout.slower,
        _rollout.min_runs,
        _rollout.tally,
    )
    .where(InList(_rollout.id, "ids"), literal_column("rollout.ended_at IS NULL"))
    .order_by(_rollout.id)
    .with_for_update(key_share=True)
)
_UPDATE_TALLY = Statement(
    update(get_table(Rollout))
    .where(_rollout.id == bindparam("of"))
    .values(tally=bindparam("counts", type_=JSON))
)


def _build_insert_chat(dialect: Any) -> Any:
    """Return the insert of an arm's chat; it returns nothing for a chat the arm has met."""
    return dialect.insert(RolloutChat).on_conflict_do_nothing().returning(get_table(RolloutChat).c.arm)


_INSERT_CHAT = Statement(
    _build_insert_chat(postgresql), ["rollout_id", "chat_id", "arm"], sqlite=_build_insert_chat(sqlite)
)


def count_runs(db: Db, runs: RolloutRuns) -> dict[int, RolloutRevert]:
    """Count stored runs; returns the candidates that were rolled back, by the message of the deciding run.

    The rollout's row is locked until the end of the transaction: the next claim, wherever, sees the base alone.
    """
    if not runs:
        return {}
    reverted = {}
    for row in _SELECT_ACTIVE.execute(db, ids=sorted({counted.rollout_id for counted, _ in runs})):
        own = [(counted, run) for counted, run in runs if counted.rollout_id == row["id"]]
        tally = _add_runs(db, row, own)
        last, run = own[-1]
        reason = Guard(row["extra_failures"], row["slower"], row["min_runs"]).find_regression(tally)
        _UPDATE_TALLY.execute_many(db, [{"of": row["id"], "counts": tally.to_data()}])
        if reason:
            _revert(db, row, reason, last)
            reverted[run["message_id"]] = RolloutRevert(row["id"], row["brain_id"], reason)
    return reverted


def _add_runs(db: Db, row: Mapping[str, Any], runs: RolloutRuns) -> RolloutStats:
    tally = RolloutStats.from_data(row["tally"])
    for counted, run in runs:
        tally.get_variant(counted.variant).add(
            failed=run["outcome"] == RunOutcome.FAILED, micros=run["micros"]
        )
    met = sorted({(counted.chat_id, counted.variant) for counted, _ in runs})
    rows = [{"rollout_id": row["id"], "chat_id": chat_id, "arm": arm} for chat_id, arm in met]
    for new in _INSERT_CHAT.execute_many_returning(db, rows):
        tally.get_variant(new["arm"]).chats += 1
    return tally


def _revert(db: Db, row: Mapping[str, Any], reason: str, last: RolloutRun) -> None:
    ended = {
        "ended_at": last.at,
        "ending": REVERTED,
        "reason": reason[:500],
        "notify_to": _find_notify_address(db, row),
        "notify_connection_id": last.connection_id,
    }
    db.execute(update(Rollout).where(Rollout.id == row["id"]).values(ended))
    none = {"candidate_version_id": None, "candidate_percent": 0, "rollout_id": None}
    ours = (Brain.id == row["brain_id"], Brain.rollout_id == row["id"])
    brain = db.execute(select(Brain.slug, *(getattr(Brain, name) for name in none)).where(*ours)).first()
    db.execute(update(Brain).where(*ours).values(none))
    if brain:
        before = {name: getattr(brain, name) for name in none}
        subject = ("brain", str(row["brain_id"]), brain.slug)
        audit.record(
            db,
            "rollout reverted",
            subject,
            (before, none | {"reason": reason}),
            build_job_actor("canary guard"),
        )


def _find_notify_address(db: Db, row: Mapping[str, Any]) -> str | None:
    """Return the first person the candidate names for its errors."""
    query = select(BrainVersion.document).where(BrainVersion.id == row["version_id"])
    document = db.execute(query).scalar_one()
    parts = [*document.get("commands", ()), *document.get("groups", ())]
    return next((each["errors_to"] for each in parts if each.get("errors_to")), None)


def list_pending_alerts(db: Db, limit: int) -> list[Mapping[str, Any]]:
    """Return the rows of rolled-back rollouts whose alert is pending, the oldest first; keys are column names."""
    query = select(get_table(Rollout)).where(Rollout.notify_to.is_not(None)).order_by(Rollout.id).limit(limit)
    return [dict(row) for row in db.execute(query).mappings()]


def mark_notified(db: Db, rollout_id: int, _at: int | None) -> bool:
    """Record that an alert was sent, or cannot be; false when another worker did so first."""
    query = update(Rollout).where(Rollout.id == rollout_id, Rollout.notify_to.is_not(None))
    return db.execute(query.values(notify_to=None).returning(Rollout.id)).first() is not None
