"""Rollouts in the database: active ones, past ones, their end."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import topics
from app.brains.versions.canary_guard import RolloutStats
from app.brains.versions.models import Brain, Rollout
from app.brains.versions.routing import CANARY, REVERTED
from app.db import after_commit
from app.db.change_notes import name_action

MAX_LISTED: Final = 20


def find_active(session: Session, brain_id: int) -> Rollout | None:
    """Return the active rollout of a brain."""
    return session.scalar(select(Rollout).where(Rollout.brain_id == brain_id, Rollout.ended_at.is_(None)))


def list_active_by_brain(session: Session, brain_ids: Collection[int]) -> dict[int, Rollout]:
    """Return the active rollouts of several brains, by brain."""
    query = select(Rollout).where(Rollout.brain_id.in_(brain_ids), Rollout.ended_at.is_(None))
    return {each.brain_id: each for each in session.scalars(query)}


def list_for_brain(session: Session, brain_id: int) -> list[Rollout]:
    """Return the rollouts of a brain, latest first."""
    query = select(Rollout).where(Rollout.brain_id == brain_id).order_by(Rollout.id.desc()).limit(MAX_LISTED)
    return list(session.scalars(query))


def list_active(session: Session) -> list[Rollout]:
    """Return every active rollout, latest first."""
    query = select(Rollout).where(Rollout.ended_at.is_(None)).order_by(Rollout.id.desc()).limit(MAX_LISTED)
    return list(session.scalars(query))


def list_reverted_since(session: Session, moment: int) -> list[Rollout]:
    """Return the rollouts that were rolled back automatically since a time (ms), latest first."""
    query = select(Rollout).where(Rollout.ending == REVERTED, Rollout.ended_at >= moment)
    return list(session.scalars(query.order_by(Rollout.ended_at.desc()).limit(MAX_LISTED)))


def load_stats(rollout: Rollout) -> RolloutStats:
    """Return the run statistics of a rollout."""
    return RolloutStats.from_data(rollout.tally)


def apply(brain: Brain, rollout: Rollout | None) -> None:
    """Set the columns of a brain that choose its version by a rollout; without one, by its live version."""
    canary = rollout if rollout and rollout.mode == CANARY else None
    brain.candidate_version_id = canary.version_id if canary else None
    brain.candidate_percent = canary.percent if canary else 0
    brain.rollout_id = canary.id if canary else None


def send_changed(session: Session, brain_id: int) -> None:
    """Signal, after the commit, that the rollout or the live version of a brain has changed."""
    after_commit.send_changed(session, topics.dashboard(), topics.brain(brain_id))


def end(session: Session, brain: Brain, ending: str, reason: str, by: tuple[int | None, int]) -> None:
    """End the rollout of a locked brain, if there is one; `by` = user id and time (ms)."""
    rollout = session.scalar(
        select(Rollout).where(Rollout.brain_id == brain.id, Rollout.ended_at.is_(None)).with_for_update()
    )
    if rollout is None:
        return
    rollout.ending, rollout.reason = ending, reason[:500]
    rollout.ended_by, rollout.ended_at = by
    apply(brain, None)
    session.flush()
    name_action(session, f"rollout {ending}")
