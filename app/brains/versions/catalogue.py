"""Cache of all commands, prompts, tests and versions by name, for the command palette."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.brains.fuzzy import SearchText
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable

# The last edited brains are known; an installation with more finds the others in the list of brains.
MAX_BRAINS: Final = 300

KINDS: Final = ("command", "prompt", "test", "version")


@immutable
class CatalogueEntry:
    """Part of a brain; `key` ends its URL, `words` are further search words."""

    kind: str
    slug: str
    brain: str
    key: str
    name: str
    words: tuple[str, ...] = ()


CatalogueEntries = tuple[tuple[SearchText, CatalogueEntry], ...]


@immutable
class CatalogueBrain:
    """Brain with its entries by kind, at an edit count (`rev`) and a last version (0 = none)."""

    slug: str
    title: str
    live: bool
    rev: int
    last_version: int
    entries: Mapping[str, CatalogueEntries]


class Catalogue:
    """Catalogue of all brains, cached in one process."""

    def __init__(self) -> None:
        self._known: dict[int, CatalogueBrain] = {}

    def list_brains(self, session: Session) -> list[CatalogueBrain]:
        """Return the brains that are not archived, last edited first."""
        last = func.coalesce(
            select(func.max(BrainVersion.number)).where(BrainVersion.brain_id == Brain.id).scalar_subquery(),
            0,
        )
        query = (
            select(Brain.id, Brain.slug, Brain.title, Brain.live_version_id, Brain.draft_rev, last)
            .where(Brain.archived_at.is_(None))
            .order_by(Brain.updated_at.desc(), Brain.id)
            .limit(MAX_BRAINS)
        )
        found: dict[int, CatalogueBrain] = {}
        for brain_id, slug, title, live, rev, newest in session.execute(query):
            known = self._known.get(brain_id) or CatalogueBrain(slug, title, bool(live), 0, 0, {})
            pieces = {
                **(known.entries if known.rev == rev else _read_draft(session, brain_id, slug, title)),
                "version": known.entries.get("version", ())
                if known.last_version == newest
                else _read_versions(session, brain_id, slug, title),
            }
            found[brain_id] = CatalogueBrain(slug, title, bool(live), rev, newest, pieces)
        # One assignment: another thread sees the old or the new whole, never half of it.
        self._known = found
        return list(found.values())


def _read_draft(session: Session, brain_id: int, slug: str, brain: str) -> dict[str, CatalogueEntries]:
    """Read the entries of a draft, valid or not."""
    draft = session.scalar(select(Brain.draft).where(Brain.id == brain_id)) or {}
    commands = [
        CatalogueEntry("command", slug, brain, str(each["id"]), _name(each), _trigger_words(each))
        for each in _rows(draft, "commands")
        if each.get("id")
    ]
    prompts = [
        CatalogueEntry("prompt", slug, brain, str(each["name"]), str(each["name"]))
        for each in _rows(draft, "prompts")
        if each.get("name")
    ]
    tests = [
        CatalogueEntry("test", slug, brain, str(number), _name(each))
        for number, each in enumerate(_rows(draft, "tests"), 1)
    ]
    return {"command": _to_entries(commands), "prompt": _to_entries(prompts), "test": _to_entries(tests)}


def _read_versions(session: Session, brain_id: int, slug: str, brain: str) -> CatalogueEntries:
    query = (
        select(BrainVersion.number, BrainVersion.note)
        .where(BrainVersion.brain_id == brain_id)
        .order_by(BrainVersion.number.desc())
    )
    rows = session.execute(query)
    return _to_entries(
        CatalogueEntry("version", slug, brain, str(number), f"Version {number}", (note,) if note else ())
        for number, note in rows
    )


def _to_entries(pieces: Iterable[CatalogueEntry]) -> CatalogueEntries:
    return tuple((SearchText.from_text(each.name, each.words, each.brain), each) for each in pieces)


def _rows(draft: Mapping[str, Any], section: str) -> Iterator[Mapping[str, Any]]:
    listed = draft.get(section)
    return (each for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else iter(())


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or "Unnamed")


def _trigger_words(command: Mapping[str, Any]) -> tuple[str, ...]:
    trigger = command.get("trigger")
    if not isinstance(trigger, Mapping):
        return ()
    words = trigger.get("words") or trigger.get("texts") or trigger.get("ids") or [trigger.get("pattern")]
    return tuple(str(each)[:80] for each in words if each) if isinstance(words, list) else ()
