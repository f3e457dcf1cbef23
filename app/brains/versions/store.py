"""Brains in the database: save with conflict check, publish, roll back, archive (days to restore)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from app.brains.document.schema import hash_content
from app.brains.document.understanding import TrainedIntents
from app.brains.document.validation import ValidationProblem
from app.brains.versions import intent_models, rollouts, routing
from app.brains.versions.models import Brain, BrainVersion
from app.clock import DAY_MS
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError

ARCHIVE_DAYS: Final = 30


@immutable
class DraftReview:
    """Problems of a draft at the edit count `rev` (None = it cannot have been saved since), model of its intents."""

    problems: Sequence[ValidationProblem] = ()
    rev: int | None = None
    trained: TrainedIntents | None = None


@immutable
class PublishDetails:
    """Author, time (ms) and note of a version; `override_reason`: why it is published with failed tests."""

    note: str
    author_id: int | None
    now: int
    override_reason: str = ""


class BrainNotFound(DomainError):
    """No brain, or no version of it, has this name."""

    code = "brain-not-found"


class SlugConflict(DomainError):
    """Another brain has this short name."""

    code = "slug-taken"


class DraftConflict(DomainError):
    """Somebody else saved the draft meanwhile; `based_on_rev` and `current_rev` are the two edit counts."""

    code = "draft-conflict"

    def __init__(self, based_on_rev: int, current_rev: int) -> None:
        super().__init__(
            "Somebody else saved this brain while you were editing. Reload it, then repeat your change."
        )
        self.based_on_rev = based_on_rev
        self.current_rev = current_rev


class UnpublishableDraft(DomainError):
    """The draft has problems; `problems` lists them."""

    code = "not-publishable"

    def __init__(self, problems: Sequence[ValidationProblem]) -> None:
        super().__init__(f"Repair {len(problems)} problem(s) first, then publish again.")
        self.problems = list(problems)


class ExpiredArchive(DomainError):
    """The brain was archived too long ago to be restored."""

    code = "archive-expired"


def create_brain(session: Session, slug: str, title: str, document: Mapping[str, Any], now: int) -> Brain:
    """Create a brain with a first draft; raises SlugConflict."""
    if session.scalar(select(Brain.id).where(Brain.slug == slug)):
        raise SlugConflict(f"There is already a brain called “{slug}”. Choose another short name.")
    draft = {**document, "brain": slug, "title": title}
    brain = Brain(slug=slug, title=title, draft=draft, draft_rev=1, created_at=now, updated_at=now)
    session.add(brain)
    session.flush()
    name_action(session, "brain created")
    return brain


def list_brains(
    session: Session, search: str = "", *, archived: bool = False, limit: int = 100, offset: int = 0
) -> list[Brain]:
    """List brains, last edited first; `search` matches title and short name."""
    query = _filter_brains(select(Brain), search, archived=archived)
    return list(
        session.scalars(query.order_by(Brain.updated_at.desc(), Brain.id).limit(limit).offset(offset))
    )


def count_brains(session: Session, search: str = "", *, archived: bool = False) -> int:
    """Count what `list_brains` lists without its limit."""
    return session.scalar(_filter_brains(select(func.count(Brain.id)), search, archived=archived)) or 0


def _filter_brains(query: Select[Any], search: str, *, archived: bool) -> Select[Any]:
    query = query.where(Brain.archived_at.is_not(None) if archived else Brain.archived_at.is_(None))
    if words := search.strip():
        query = query.where(
            or_(Brain.title.icontains(words, autoescape=True), Brain.slug.icontains(words, autoescape=True))
        )
    return query


def get_brain(session: Session, brain_id: int) -> Brain:
    """Return a brain, archived or not; raises BrainNotFound."""
    brain = session.get(Brain, brain_id)
    if brain is None:
        raise BrainNotFound("This brain does not exist. It may have been removed; go back to the list.")
    return brain


def find_brain(session: Session, slug: str) -> Brain | None:
    """Find a brain by its short name."""
    return session.scalar(select(Brain).where(Brain.slug == slug))


def save_draft(
    session: Session, brain_id: int, document: Mapping[str, Any], based_on_rev: int, now: int
) -> int:
    """Save a draft, valid or not, and return its new edit count; raises DraftConflict on an older base."""
    brain = get_brain(session, brain_id)
    title = document.get("title")
    kept = title.strip()[:100] if isinstance(title, str) and title.strip() else brain.title
    saved = session.execute(
        update(Brain)
        .where(Brain.id == brain_id, Brain.draft_rev == based_on_rev)
        .values(
            draft={**document, "brain": brain.slug}, title=kept, draft_rev=based_on_rev + 1, updated_at=now
        )
        .returning(Brain)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalar()
    if saved is None:
        session.refresh(brain)
        raise DraftConflict(based_on_rev, brain.draft_rev)
    name_action(session, "draft saved")
    return saved.draft_rev


def publish(  # noqa: PLR0913  who publishes what, when, with which problems and tests
    session: Session,
    brain_id: int,
    note: str,
    author_id: int | None,
    now: int,
    review: DraftReview,
    override_reason: str = "",
) -> BrainVersion:
    """Create a version from the draft and make it live; raises UnpublishableDraft and UntrainedIntents.

    `override_reason` says why it goes live although its tests did not pass. A draft with the content of the live
    version changes nothing and returns that version.
    """
    brain = lock_brain(session, brain_id)
    refuse_unpublishable(brain, review)
    digest, live = hash_content(brain.draft), find_live_version(session, brain)
    if live and live.hash == digest:
        return live
    tried = rollouts.find_active(session, brain_id)
    version = session.get(BrainVersion, tried.version_id) if tried else None
    if version is None or version.hash != digest:
        version = add_version(session, brain, PublishDetails(note, author_id, now, override_reason), review)
    brain.live_version_id, brain.updated_at = version.id, now
    _end_rollout(session, brain, version, (author_id, now))
    rollouts.send_changed(session, brain_id)
    session.flush()
    name_action(session, "brain published")
    return version


def refuse_unpublishable(brain: Brain, review: DraftReview) -> None:
    """Raise UnpublishableDraft for a draft that has problems, or that was saved after its review."""
    problems = review.problems
    if review.rev not in {None, brain.draft_rev}:
        late = "The draft was saved by somebody else a moment ago. Check it again, then publish."
        problems = [ValidationProblem("", late)]
    if problems:
        raise UnpublishableDraft(problems)


def add_version(session: Session, brain: Brain, signed: PublishDetails, review: DraftReview) -> BrainVersion:
    """Create the next version from the draft of a locked brain, not live; raises UntrainedIntents."""
    newest = select(func.max(BrainVersion.number)).where(BrainVersion.brain_id == brain.id)
    version = BrainVersion(
        brain_id=brain.id,
        number=(session.scalar(newest) or 0) + 1,
        hash=hash_content(brain.draft),
        document=dict(brain.draft),
        note=signed.note.strip()[:500],
        override_reason=signed.override_reason.strip()[:500] or None,
        author_id=signed.author_id,
        created_at=signed.now,
        intent_model_id=intent_models.keep_model(session, brain, review.trained, signed.now),
    )
    session.add(version)
    session.flush()
    return version


def _end_rollout(session: Session, brain: Brain, version: BrainVersion, by: tuple[int | None, int]) -> None:
    """End the active rollout: nothing is compared with a version that is no longer live."""
    tried = rollouts.find_active(session, brain.id)
    if tried:
        same = tried.version_id == version.id
        ending = routing.PROMOTED if same else routing.STOPPED
        rollouts.end(session, brain, ending, f"Version {version.number} was rolled out to everyone.", by)


def rollback(session: Session, brain_id: int, number: int, author_id: int | None, now: int) -> BrainVersion:
    """Make an earlier version live for the next message, leaving the draft as it is; raises BrainNotFound.

    Conversations do not finish on what is taken back, and a rollout ends.
    """
    brain = lock_brain(session, brain_id)
    version = get_version(session, brain_id, number)
    brain.live_version_id, brain.updated_at = version.id, now
    brain.session_epoch += 1
    _end_rollout(session, brain, version, (author_id, now))
    rollouts.send_changed(session, brain_id)
    session.flush()
    name_action(session, "brain rolled back")
    return version


def list_versions(session: Session, brain_id: int) -> list[BrainVersion]:
    """List all versions, newest first."""
    query = select(BrainVersion).where(BrainVersion.brain_id == brain_id)
    return list(session.scalars(query.order_by(BrainVersion.number.desc())))


def read_numbers(session: Session, version_ids: Collection[int]) -> dict[int, int]:
    """Return the numbers of versions by their ids."""
    query = select(BrainVersion.id, BrainVersion.number).where(BrainVersion.id.in_(version_ids))
    return {row.id: row.number for row in session.execute(query)}


def get_version(session: Session, brain_id: int, number: int) -> BrainVersion:
    """Return one version of a brain; raises BrainNotFound."""
    query = select(BrainVersion).where(BrainVersion.brain_id == brain_id, BrainVersion.number == number)
    version = session.scalar(query)
    if version is None:
        raise BrainNotFound(f"This brain has no version {number}. Choose one from its history.")
    return version


def list_live_and_newest(session: Session, brain: Brain) -> list[BrainVersion]:
    """List the version that answers messages and the one published last, the newest first; often they are one."""
    numbers = select(func.max(BrainVersion.number)).where(BrainVersion.brain_id == brain.id).scalar_subquery()
    wanted = or_(BrainVersion.id == brain.live_version_id, BrainVersion.number == numbers)
    query = select(BrainVersion).where(BrainVersion.brain_id == brain.id, wanted)
    return list(session.scalars(query.order_by(BrainVersion.number.desc())))


def find_live_version(session: Session, brain: Brain) -> BrainVersion | None:
    """Return the version that answers messages, if one was published."""
    return session.get(BrainVersion, brain.live_version_id) if brain.live_version_id else None


def archive(session: Session, brain_id: int, now: int) -> Brain:
    """Archive a brain; it can be restored for 30 days."""
    brain = get_brain(session, brain_id)
    brain.archived_at = now if brain.archived_at is None else brain.archived_at
    name_action(session, "brain archived")
    session.flush()
    return brain


def restore(session: Session, brain_id: int, now: int) -> Brain:
    """Restore an archived brain; raises ExpiredArchive after 30 days."""
    brain = get_brain(session, brain_id)
    if brain.archived_at is not None and now - brain.archived_at > ARCHIVE_DAYS * DAY_MS:
        raise ExpiredArchive(
            f"This brain was archived more than {ARCHIVE_DAYS} days ago and cannot be restored."
        )
    brain.archived_at = None
    name_action(session, "brain restored")
    session.flush()
    return brain


def lock_brain(session: Session, brain_id: int) -> Brain:
    """Return a brain locked until the end of the transaction, so that two publishers get two numbers."""
    get_brain(session, brain_id)
    return session.scalars(
        select(Brain).where(Brain.id == brain_id).with_for_update().execution_options(populate_existing=True)
    ).one()
