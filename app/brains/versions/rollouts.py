"""Rollouts in the database: the one under way, what was tried before, and their end."""

import logging
from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.models import Brain
from app.brains.rollout import CANARY, REVERTED, Guard, Tally
from app.brains.rollout_models import Rollout

log = logging.getLogger(__name__)

LISTED: Final = 20


def active(session: Session, brain_id: int) -> Rollout | None:
    """Return the rollout of a brain that is under way."""
    return session.scalar(select(Rollout).where(Rollout.brain_id == brain_id, Rollout.ended_at.is_(None)))


def actives(session: Session, brain_ids: Collection[int]) -> dict[int, Rollout]:
    """Return the rollouts under way of several brains, by brain."""
    query = select(Rollout).where(Rollout.brain_id.in_(brain_ids), Rollout.ended_at.is_(None))
    return {each.brain_id: each for each in session.scalars(query)}


def listed(session: Session, brain_id: int) -> list[Rollout]:
    """Return what was tried of a brain, the latest first."""
    query = select(Rollout).where(Rollout.brain_id == brain_id).order_by(Rollout.id.desc()).limit(LISTED)
    return list(session.scalars(query))


def under_way(session: Session) -> list[Rollout]:
    """Return every rollout under way, the latest first."""
    query = select(Rollout).where(Rollout.ended_at.is_(None)).order_by(Rollout.id.desc()).limit(LISTED)
    return list(session.scalars(query))


def reverted_since(session: Session, moment: int) -> list[Rollout]:
    """Return the rollouts the guard has taken back since a moment (ms), the latest first."""
    query = select(Rollout).where(Rollout.ending == REVERTED, Rollout.ended_at >= moment)
    return list(session.scalars(query.order_by(Rollout.ended_at.desc()).limit(LISTED)))


def tally_of(rollout: Rollout) -> Tally:
    """Return what the runs of a rollout add up to."""
    return Tally.of(rollout.tally)


def guard_of(rollout: Rollout) -> Guard:
    """Return the guard of a rollout."""
    return Guard(rollout.extra_failures, rollout.slower, rollout.min_runs)


def offer(brain: Brain, rollout: Rollout | None) -> None:
    """Let a brain answer as a rollout says; with none, by its live version alone."""
    canary = rollout if rollout and rollout.mode == CANARY else None
    brain.candidate_version_id = canary.version_id if canary else None
    brain.candidate_percent = canary.percent if canary else 0
    brain.rollout_id = canary.id if canary else None


def end(session: Session, brain: Brain, ending: str, reason: str, by: tuple[int | None, int]) -> None:
    """End the rollout of a locked brain, if there is one; `by` = the user, and when (ms)."""
    rollout = session.scalar(
        select(Rollout).where(Rollout.brain_id == brain.id, Rollout.ended_at.is_(None)).with_for_update()
    )
    if rollout is None:
        return
    rollout.ending, rollout.reason = ending, reason[:500]
    rollout.ended_by, rollout.ended_at = by
    offer(brain, None)
    session.flush()
    log.info("brain %s: rollout %s %s by user %s: %s", brain.slug, rollout.id, ending, by[0], reason)
