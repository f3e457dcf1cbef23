"""Start, change, promotion and stop of a gradual rollout."""

from dataclasses import field

from sqlalchemy.orm import Session

from app.brains.document.schema import hash_content
from app.brains.versions import canary_guard, rollouts, routing, store
from app.brains.versions.canary_guard import Guard, RolloutStats
from app.brains.versions.models import Brain, BrainVersion, Rollout
from app.brains.versions.store import DraftReview, PublishDetails
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError


class NoLiveVersion(DomainError):
    """There is no live version to compare a candidate with."""

    code = "nothing-live"


class UnchangedDraft(DomainError):
    """The draft equals the live version."""

    code = "nothing-new"


class NoActiveRollout(DomainError):
    """No rollout of this brain is active."""

    code = "nothing-tried"


class InvalidRolloutPlan(DomainError):
    """Rollout plan with values out of range."""

    code = "bad-plan"


@immutable
class RolloutPlan:
    """Plan of a rollout: for `percent` of 100 contacts (canary) or without answering (shadow), with its guard."""

    mode: str = routing.CANARY
    percent: int = 10
    guard: Guard = field(default_factory=Guard)

    def check(self) -> None:
        """Raise InvalidRolloutPlan with what to write instead."""
        guard = self.guard
        for fine, what in (
            (self.mode in {routing.CANARY, routing.SHADOW}, "Choose a part of the contacts, or silently."),
            (
                self.mode == routing.SHADOW or 1 <= self.percent <= routing.MAX_PERCENT,
                f"Give the version to 1 to {routing.MAX_PERCENT} % of the contacts.",
            ),
            (
                0 <= guard.extra_failures <= canary_guard.MAX_EXTRA_FAILURES,
                f"Allow 0 to {canary_guard.MAX_EXTRA_FAILURES} points.",
            ),
            (
                0 <= guard.slower <= canary_guard.MAX_SLOWER,
                f"Allow 1 to {canary_guard.MAX_SLOWER} times, or 0 for any.",
            ),
            (
                5 <= guard.min_runs <= canary_guard.MAX_MIN_RUNS,
                f"Judge after 5 to {canary_guard.MAX_MIN_RUNS:,} runs.",
            ),
        ):
            if not fine:
                raise InvalidRolloutPlan(what)


def start(
    session: Session, brain_id: int, plan: RolloutPlan, review: DraftReview, signed: PublishDetails
) -> Rollout:
    """Create a version from the draft and roll it out as planned; an active rollout ends.

    Raises InvalidRolloutPlan, NoLiveVersion, UnchangedDraft, UnpublishableDraft and UntrainedIntents.
    """
    plan.check()
    brain = store.lock_brain(session, brain_id)
    base = store.find_live_version(session, brain)
    if base is None:
        raise NoLiveVersion("Nothing is live yet to compare with. Publish a first version to everyone.")
    store.refuse_unpublishable(brain, review)
    if base.hash == hash_content(brain.draft):
        raise UnchangedDraft(
            f"The draft is the same as version {base.number}, which is live. Change it first."
        )
    version = _find_matching_version(session, brain) or store.add_version(session, brain, signed, review)
    reason = f"Version {version.number} is tried instead."
    rollouts.end(session, brain, routing.STOPPED, reason, (signed.author_id, signed.now))
    rollout = Rollout(
        brain_id=brain_id,
        version_id=version.id,
        base_version_id=base.id,
        mode=plan.mode,
        tally=RolloutStats().to_data(),
        cursor=0,
        started_at=signed.now,
        started_by=signed.author_id,
        **_to_columns(plan),
    )
    session.add(rollout)
    session.flush()
    rollouts.apply(brain, rollout)
    rollouts.send_changed(session, brain_id)
    brain.updated_at = signed.now
    name_action(session, "rollout started")
    return rollout


def change(session: Session, brain_id: int, plan: RolloutPlan) -> Rollout:
    """Change percentage or guard of the active rollout; contacts that have the candidate keep it.

    Raises InvalidRolloutPlan and NoActiveRollout.
    """
    plan.check()
    brain, rollout = _lock_active(session, brain_id)
    if plan.mode != rollout.mode:
        raise InvalidRolloutPlan("Stop this rollout first, then begin the other kind.")
    for name, value in _to_columns(plan).items():
        setattr(rollout, name, value)
    rollouts.apply(brain, rollout)
    rollouts.send_changed(session, brain_id)
    name_action(session, "rollout changed")
    return rollout


def promote(session: Session, brain_id: int, user_id: int | None, now: int) -> BrainVersion:
    """Make the candidate live for everybody; raises NoActiveRollout."""
    brain, rollout = _lock_active(session, brain_id)
    version = session.get_one(BrainVersion, rollout.version_id)
    brain.live_version_id, brain.updated_at = version.id, now
    rollouts.end(
        session, brain, routing.PROMOTED, f"Version {version.number} answers everyone.", (user_id, now)
    )
    rollouts.send_changed(session, brain_id)
    return version


def stop(session: Session, brain_id: int, user_id: int | None, now: int) -> Rollout:
    """End the active rollout: the live version answers everybody; raises NoActiveRollout."""
    brain, rollout = _lock_active(session, brain_id)
    rollouts.end(session, brain, routing.STOPPED, "It was stopped.", (user_id, now))
    rollouts.send_changed(session, brain_id)
    return rollout


def resume(session: Session, brain_id: int, rollout_id: int) -> Rollout:
    """Undo `stop` for the same contacts; raises NoActiveRollout when something has changed meanwhile."""
    brain = store.lock_brain(session, brain_id)
    rollout = session.get(Rollout, rollout_id, with_for_update=True)
    same = rollout is not None and rollout.brain_id == brain_id and rollout.ending == routing.STOPPED
    if not rollout or not same or rollout.base_version_id != brain.live_version_id:
        raise NoActiveRollout("Another version is live by now. Begin a new rollout instead.")
    if rollouts.find_active(session, brain_id):
        raise NoActiveRollout("Another version is being tried by now. Stop that one first.")
    rollout.ended_at, rollout.ended_by, rollout.ending, rollout.reason = None, None, "", ""
    rollouts.apply(brain, rollout)
    rollouts.send_changed(session, brain_id)
    name_action(session, "rollout resumed")
    return rollout


def _lock_active(session: Session, brain_id: int) -> tuple[Brain, Rollout]:
    brain = store.lock_brain(session, brain_id)
    rollout = rollouts.find_active(session, brain_id)
    if rollout is None:
        raise NoActiveRollout("No version of this brain is being tried.")
    return brain, rollout


def _find_matching_version(session: Session, brain: Brain) -> BrainVersion | None:
    """Return the newest version when the draft equals it, so that it needs no new number."""
    newest = next(iter(store.list_versions(session, brain.id)), None)
    return newest if newest and newest.hash == hash_content(brain.draft) else None


def _to_columns(plan: RolloutPlan) -> dict[str, int]:
    guard = plan.guard
    percent = plan.percent if plan.mode == routing.CANARY else 0
    return {
        "percent": percent,
        "extra_failures": guard.extra_failures,
        "slower": guard.slower,
        "min_runs": guard.min_runs,
    }
