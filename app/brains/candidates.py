"""Candidates: a draft becomes a version that is tried before it answers everybody."""

import logging
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.brains import rollout as rules
from app.brains import rollouts, versions
from app.brains.document import content_hash
from app.brains.models import Brain, BrainVersion
from app.brains.rollout import Guard, Tally
from app.brains.rollout_models import Rollout
from app.brains.versions import Check, Signed
from app.signals import DomainError

log = logging.getLogger(__name__)


class NothingLive(DomainError):
    """There is no live version that a candidate could be held against."""

    code = "nothing-live"


class NothingNew(DomainError):
    """The draft is what is live already."""

    code = "nothing-new"


class NothingTried(DomainError):
    """No version of this brain is being tried."""

    code = "nothing-tried"


class BadPlan(DomainError):
    """A rollout cannot be done like this."""

    code = "bad-plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a candidate is tried: for `percent` of 100 contacts (canary) or silently (shadow)."""

    mode: str = rules.CANARY
    percent: int = 10
    guard: Guard = field(default_factory=Guard)

    def check(self) -> None:
        """Raise BadPlan with what to write instead."""
        guard = self.guard
        for fine, what in (
            (self.mode in {rules.CANARY, rules.SHADOW}, "Choose a part of the contacts, or silently."),
            (
                self.mode == rules.SHADOW or 1 <= self.percent <= rules.MOST_PERCENT,
                f"Give the version to 1 to {rules.MOST_PERCENT} % of the contacts.",
            ),
            (0 <= guard.extra_failures <= rules.MOST_EXTRA, f"Allow 0 to {rules.MOST_EXTRA} points."),
            (0 <= guard.slower <= rules.MOST_SLOWER, f"Allow 1 to {rules.MOST_SLOWER} times, or 0 for any."),
            (5 <= guard.min_runs <= rules.MOST_RUNS, f"Judge after 5 to {rules.MOST_RUNS:,} runs."),
        ):
            if not fine:
                raise BadPlan(what)


def start(session: Session, brain_id: int, plan: Plan, check: Check, signed: Signed) -> Rollout:
    """Make the draft a version and try it; what was tried before ends.

    Raises BadPlan, NothingLive, NothingNew and NotPublishable.
    """
    plan.check()
    brain = versions.locked(session, brain_id)
    base = versions.live_version(session, brain)
    if base is None:
        raise NothingLive("Nothing is live yet to compare with. Publish a first version to everyone.")
    versions.refuse(check(brain.draft))
    if base.hash == content_hash(brain.draft):
        raise NothingNew(f"The draft is the same as version {base.number}, which is live. Change it first.")
    version = _newest_like(session, brain) or versions.add(session, brain, signed)
    rollouts.end(
        session,
        brain,
        rules.STOPPED,
        f"Version {version.number} is tried instead.",
        (signed.author_id, signed.now),
    )
    rollout = Rollout(
        brain_id=brain_id,
        version_id=version.id,
        base_version_id=base.id,
        mode=plan.mode,
        tally=Tally().data(),
        cursor=0,
        started_at=signed.now,
        started_by=signed.author_id,
        **_terms(plan),
    )
    session.add(rollout)
    session.flush()
    rollouts.offer(brain, rollout)
    brain.updated_at = signed.now
    log.info("brain %s: version %s tried (%s, %s %%)", brain.slug, version.number, plan.mode, rollout.percent)
    return rollout


def change(session: Session, brain_id: int, plan: Plan) -> Rollout:
    """Give the rollout under way another part of the contacts or another guard; who has the candidate keeps it.

    Raises BadPlan and NothingTried.
    """
    plan.check()
    brain, rollout = _under_way(session, brain_id)
    if plan.mode != rollout.mode:
        raise BadPlan("Stop this rollout first, then begin the other kind.")
    for name, value in _terms(plan).items():
        setattr(rollout, name, value)
    rollouts.offer(brain, rollout)
    return rollout


def promote(session: Session, brain_id: int, user_id: int | None, now: int) -> BrainVersion:
    """Put the candidate live for everybody; raises NothingTried."""
    brain, rollout = _under_way(session, brain_id)
    version = session.get_one(BrainVersion, rollout.version_id)
    brain.live_version_id, brain.updated_at = version.id, now
    rollouts.end(
        session, brain, rules.PROMOTED, f"Version {version.number} answers everyone.", (user_id, now)
    )
    return version


def stop(session: Session, brain_id: int, user_id: int | None, now: int) -> Rollout:
    """End the rollout under way: the live version answers everybody; raises NothingTried."""
    brain, rollout = _under_way(session, brain_id)
    rollouts.end(session, brain, rules.STOPPED, "It was stopped.", (user_id, now))
    return rollout


def resume(session: Session, brain_id: int, rollout_id: int) -> Rollout:
    """Take `stop` back, for the same contacts; raises NothingTried when things have moved on meanwhile."""
    brain = versions.locked(session, brain_id)
    rollout = session.get(Rollout, rollout_id, with_for_update=True)
    same = rollout is not None and rollout.brain_id == brain_id and rollout.ending == rules.STOPPED
    if not rollout or not same or rollout.base_version_id != brain.live_version_id:
        raise NothingTried("Another version is live by now. Begin a new rollout instead.")
    if rollouts.active(session, brain_id):
        raise NothingTried("Another version is being tried by now. Stop that one first.")
    rollout.ended_at, rollout.ended_by, rollout.ending, rollout.reason = None, None, "", ""
    rollouts.offer(brain, rollout)
    return rollout


def _under_way(session: Session, brain_id: int) -> tuple[Brain, Rollout]:
    brain = versions.locked(session, brain_id)
    rollout = rollouts.active(session, brain_id)
    if rollout is None:
        raise NothingTried("No version of this brain is being tried.")
    return brain, rollout


def _newest_like(session: Session, brain: Brain) -> BrainVersion | None:
    """Return the newest version when the draft is exactly that: trying it again needs no other number."""
    newest = next(iter(versions.versions(session, brain.id)), None)
    return newest if newest and newest.hash == content_hash(brain.draft) else None


def _terms(plan: Plan) -> dict[str, int]:
    guard = plan.guard
    percent = plan.percent if plan.mode == rules.CANARY else 0
    return {
        "percent": percent,
        "extra_failures": guard.extra_failures,
        "slower": guard.slower,
        "min_runs": guard.min_runs,
    }
