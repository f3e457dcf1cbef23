"""Brains in the database: drafts that nobody overwrites unseen, versions that never change."""

import logging
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from app.brains import rollout, rollouts
from app.brains.document import content_hash
from app.brains.models import Brain, BrainVersion
from app.brains.problems import Problem
from app.signals import DomainError

log = logging.getLogger(__name__)

ARCHIVE_DAYS: Final = 30
_DAY_MILLIS = 86_400_000
_SLUG_CHARS = 60

Check = Callable[[Mapping[str, Any]], Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class Signed:
    """Who makes a version and when (ms), with a note; `override_reason` says why although its tests are not green."""

    note: str
    author_id: int | None
    now: int
    override_reason: str = ""


class BrainNotFound(DomainError):
    """No brain, or no version of it, has this name."""

    code = "brain-not-found"


class SlugTaken(DomainError):
    """Another brain has this short name."""

    code = "slug-taken"


class DraftConflict(DomainError):
    """Somebody else saved the draft meanwhile; `yours` and `theirs` are the two edit counts."""

    code = "draft-conflict"

    def __init__(self, yours: int, theirs: int) -> None:
        super().__init__(
            "Somebody else saved this brain while you were editing. Reload it, then repeat your change."
        )
        self.yours = yours
        self.theirs = theirs


class NotPublishable(DomainError):
    """The draft has problems; `problems` lists them."""

    code = "not-publishable"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"Repair {len(problems)} problem(s) first, then publish again.")
        self.problems = list(problems)


class ArchiveExpired(DomainError):
    """The brain was put away too long ago to come back."""

    code = "archive-expired"


def create_brain(session: Session, slug: str, title: str, document: Mapping[str, Any], now: int) -> Brain:
    """Make a brain with a first draft; raises SlugTaken."""
    if session.scalar(select(Brain.id).where(Brain.slug == slug)):
        raise SlugTaken(f"There is already a brain called “{slug}”. Choose another short name.")
    draft = {**document, "brain": slug, "title": title}
    brain = Brain(slug=slug, title=title, draft=draft, draft_rev=1, created_at=now, updated_at=now)
    session.add(brain)
    session.flush()
    return brain


def unique_slug(session: Session, title: str) -> str:
    """Derive a short name from a title that no brain has yet."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")[: _SLUG_CHARS - 6].strip("-") or "brain"
    taken = set(session.scalars(select(Brain.slug).where(Brain.slug.startswith(stem, autoescape=True))))
    number = 1
    while (slug := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return slug


def list_brains(
    session: Session, search: str = "", *, archived: bool = False, limit: int = 100, offset: int = 0
) -> list[Brain]:
    """List brains, the last edited first; `search` looks in title and short name."""
    query = _matching(select(Brain), search, archived=archived)
    return list(
        session.scalars(query.order_by(Brain.updated_at.desc(), Brain.id).limit(limit).offset(offset))
    )


def count_brains(session: Session, search: str = "", *, archived: bool = False) -> int:
    """Count what `list_brains` lists without its limit."""
    return session.scalar(_matching(select(func.count(Brain.id)), search, archived=archived)) or 0


def _matching(query: Select[Any], search: str, *, archived: bool) -> Select[Any]:
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
    """Save a draft, right or wrong, and return its new edit count; raises DraftConflict on an older base."""
    brain = get_brain(session, brain_id)
    title = document.get("title")
    kept = title.strip()[:100] if isinstance(title, str) and title.strip() else brain.title
    saved = session.execute(
        update(Brain)
        .where(Brain.id == brain_id, Brain.draft_rev == based_on_rev)
        .values(
            draft={**document, "brain": brain.slug}, title=kept, draft_rev=based_on_rev + 1, updated_at=now
        )
        .returning(Brain.draft_rev)
        .execution_options(synchronize_session=False)
    ).scalar()
    session.refresh(brain)
    if saved is None:
        raise DraftConflict(based_on_rev, brain.draft_rev)
    return saved


def publish(  # noqa: PLR0913  who publishes what, when, who judges it, and against which tests
    session: Session,
    brain_id: int,
    note: str,
    author_id: int | None,
    now: int,
    check: Check,
    override_reason: str = "",
) -> BrainVersion:
    """Make the draft a version and put it live; raises NotPublishable.

    `override_reason` says why it goes live although its tests are not green. A draft with the content of the live
    version changes nothing and returns that version.
    """
    brain = locked(session, brain_id)
    refuse(check(brain.draft))
    digest, live = content_hash(brain.draft), live_version(session, brain)
    if live and live.hash == digest:
        return live
    tried = rollouts.active(session, brain_id)
    version = session.get(BrainVersion, tried.version_id) if tried else None
    if version is None or version.hash != digest:
        version = add(session, brain, Signed(note, author_id, now, override_reason))
    brain.live_version_id, brain.updated_at = version.id, now
    _end_rollout(session, brain, version, (author_id, now))
    session.flush()
    return version


def refuse(found: Sequence[Problem]) -> None:
    """Raise NotPublishable when something was found."""
    if found:
        raise NotPublishable(found)


def add(session: Session, brain: Brain, signed: Signed) -> BrainVersion:
    """Make the draft of a locked brain its next version, which is not live yet."""
    newest = select(func.max(BrainVersion.number)).where(BrainVersion.brain_id == brain.id)
    version = BrainVersion(
        brain_id=brain.id,
        number=(session.scalar(newest) or 0) + 1,
        hash=content_hash(brain.draft),
        document=dict(brain.draft),
        note=signed.note.strip()[:500],
        override_reason=signed.override_reason.strip()[:500] or None,
        author_id=signed.author_id,
        created_at=signed.now,
    )
    session.add(version)
    session.flush()
    _tell(brain, version)
    return version


def _end_rollout(session: Session, brain: Brain, version: BrainVersion, by: tuple[int | None, int]) -> None:
    """End what was being tried: nothing is compared with a version that is not live any more."""
    tried = rollouts.active(session, brain.id)
    if tried:
        same = tried.version_id == version.id
        ending = rollout.PROMOTED if same else rollout.STOPPED
        rollouts.end(session, brain, ending, f"Version {version.number} was put live for everyone.", by)


def _tell(brain: Brain, version: BrainVersion) -> None:
    log.info("brain %s: version %s published by user %s", brain.slug, version.number, version.author_id)
    if version.override_reason:
        why = version.override_reason
        log.warning("brain %s: version %s published with red tests: %s", brain.slug, version.number, why)


def rollback(session: Session, brain_id: int, number: int, author_id: int | None, now: int) -> BrainVersion:
    """Put an earlier version live for the very next message and leave the draft alone; raises BrainNotFound.

    Conversations do not finish on what is taken back, and a rollout ends.
    """
    brain = locked(session, brain_id)
    version = get_version(session, brain_id, number)
    brain.live_version_id, brain.updated_at = version.id, now
    brain.session_epoch += 1
    _end_rollout(session, brain, version, (author_id, now))
    session.flush()
    log.info("brain %s: version %s put live again by user %s", brain.slug, number, author_id)
    return version


def versions(session: Session, brain_id: int) -> list[BrainVersion]:
    """List all versions, the newest first."""
    query = select(BrainVersion).where(BrainVersion.brain_id == brain_id)
    return list(session.scalars(query.order_by(BrainVersion.number.desc())))


def numbers(session: Session, version_ids: Collection[int]) -> dict[int, int]:
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


def live_version(session: Session, brain: Brain) -> BrainVersion | None:
    """Return the version that answers messages, if one was published."""
    return session.get(BrainVersion, brain.live_version_id) if brain.live_version_id else None


def archive(session: Session, brain_id: int, now: int) -> Brain:
    """Put a brain away; it can come back for 30 days."""
    brain = get_brain(session, brain_id)
    brain.archived_at = now if brain.archived_at is None else brain.archived_at
    session.flush()
    return brain


def restore(session: Session, brain_id: int, now: int) -> Brain:
    """Bring an archived brain back; raises ArchiveExpired after 30 days."""
    brain = get_brain(session, brain_id)
    if brain.archived_at is not None and now - brain.archived_at > ARCHIVE_DAYS * _DAY_MILLIS:
        raise ArchiveExpired(
            f"This brain was put away more than {ARCHIVE_DAYS} days ago and cannot come back."
        )
    brain.archived_at = None
    session.flush()
    return brain


def locked(session: Session, brain_id: int) -> Brain:
    """Return a brain locked until the end of the transaction: two publishers get two numbers."""
    get_brain(session, brain_id)
    return session.scalars(
        select(Brain).where(Brain.id == brain_id).with_for_update().execution_options(populate_existing=True)
    ).one()
