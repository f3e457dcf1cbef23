"""All commands, prompts, tests and versions by name, for jumping to them: read once, again only what has changed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.brains.models import Brain, BrainVersion
from app.brains.ranking import Searched

# The last edited brains are known; an installation with more finds the others in the list of brains.
MOST_BRAINS: Final = 300

KINDS: Final = ("command", "prompt", "test", "version")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something inside a brain; `key` is what its address ends in, `words` are what else it is found by."""

    kind: str
    slug: str
    brain: str
    key: str
    name: str
    words: tuple[str, ...] = ()


Pieces = tuple[tuple[Searched, Piece], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A brain with its pieces by kind, as they were at an edit count (`rev`) and a last version (0 = none)."""

    slug: str
    title: str
    live: bool
    rev: int
    last: int
    pieces: Mapping[str, Pieces]


class Catalogue:
    """What one process knows of all brains."""

    def __init__(self) -> None:
        self._known: dict[int, Listed] = {}

    def look(self, session: Session) -> list[Listed]:
        """Return the brains that are not archived, the last edited first."""
        last = func.coalesce(
            select(func.max(BrainVersion.number)).where(BrainVersion.brain_id == Brain.id).scalar_subquery(),
            0,
        )
        query = (
            select(Brain.id, Brain.slug, Brain.title, Brain.live_version_id, Brain.draft_rev, last)
            .where(Brain.archived_at.is_(None))
            .order_by(Brain.updated_at.desc(), Brain.id)
            .limit(MOST_BRAINS)
        )
        found: dict[int, Listed] = {}
        for brain_id, slug, title, live, rev, newest in session.execute(query):
            known = self._known.get(brain_id) or Listed(slug, title, bool(live), 0, 0, {})
            pieces = {
                **(known.pieces if known.rev == rev else _drafted(session, brain_id, slug, title)),
                "version": known.pieces.get("version", ())
                if known.last == newest
                else _published(session, brain_id, slug, title),
            }
            found[brain_id] = Listed(slug, title, bool(live), rev, newest, pieces)
        # One assignment: another thread sees the old or the new whole, never half of it.
        self._known = found
        return list(found.values())


def _drafted(session: Session, brain_id: int, slug: str, brain: str) -> dict[str, Pieces]:
    """Read the pieces of a draft, whatever is wrong with it."""
    draft = session.scalar(select(Brain.draft).where(Brain.id == brain_id)) or {}
    commands = [
        Piece("command", slug, brain, str(each["id"]), _name(each), _trigger_words(each))
        for each in _rows(draft, "commands")
        if each.get("id")
    ]
    prompts = [
        Piece("prompt", slug, brain, str(each["name"]), str(each["name"]))
        for each in _rows(draft, "prompts")
        if each.get("name")
    ]
    tests = [
        Piece("test", slug, brain, str(number), _name(each))
        for number, each in enumerate(_rows(draft, "tests"), 1)
    ]
    return {"command": _searched(commands), "prompt": _searched(prompts), "test": _searched(tests)}


def _published(session: Session, brain_id: int, slug: str, brain: str) -> Pieces:
    query = (
        select(BrainVersion.number, BrainVersion.note)
        .where(BrainVersion.brain_id == brain_id)
        .order_by(BrainVersion.number.desc())
    )
    rows = session.execute(query)
    return _searched(
        Piece("version", slug, brain, str(number), f"Version {number}", (note,) if note else ())
        for number, note in rows
    )


def _searched(pieces: Iterable[Piece]) -> Pieces:
    return tuple((Searched.of(each.name, each.words, each.brain), each) for each in pieces)


def _rows(draft: Mapping[str, Any], section: str) -> Iterator[Mapping[str, Any]]:
    listed = draft.get(section)
    return (each for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else iter(())


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or "Unnamed")


def _trigger_words(command: Mapping[str, Any]) -> tuple[str, ...]:
    trigger = command.get("trigger")
    if not isinstance(trigger, Mapping):
        return ()
    said = trigger.get("words") or trigger.get("texts") or trigger.get("ids") or [trigger.get("pattern")]
    return tuple(str(each)[:80] for each in said if each) if isinstance(said, list) else ()
