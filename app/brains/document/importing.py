"""What an import would do, worked out before anything changes: the draft it makes, and what it asks for."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.brains import merging, permits
from app.brains.exchange import ImportRefused
from app.brains.permits import Permit
from app.brains.problems import problems

REPLACE: Final = "replace"
ADD: Final = "add"

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LISTS: Final = ("commands", "prompts", "groups", "tests")
# What a page could not even show: fields that are no fields, lists that are no lists.
_SHAPES: Final = ("This must be a list.", "This must be a group of fields.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do with a file: make a brain of it (`draft` null), or replace or add to a draft; `given` permits."""

    file: Mapping[str, Any]
    draft: Mapping[str, Any] | None = None
    way: str = REPLACE
    given: Collection[str] = ()

    @property
    def adds(self) -> bool:
        """Whether commands are added to a draft that stays."""
        return self.draft is not None and self.way == ADD


@dataclass(frozen=True, slots=True)
class Plan:
    """The draft an import makes, what it asks for besides, how many commands come, and notes in words."""

    document: dict[str, Any]
    permits: tuple[Permit, ...]
    count: int
    notes: tuple[str, ...] = ()


def plan(wish: Wish, new_id: Callable[[], str]) -> Plan:
    """Work out what an import makes; raises ImportRefused for a file whose parts cannot be shown."""
    _check(wish.file)
    draft = wish.draft or {}
    if wish.adds:
        merged = merging.added(draft, wish.file, new_id)
    else:
        merged = merging.Merged(dict(wish.file), len(wish.file.get("commands") or ()))
    wanted, has = wish.file.get("grants"), draft.get("grants")
    asked = permits.asked(wanted, has, keep=wish.adds)
    grants = permits.settled(wanted, has, wish.given, keep=wish.adds)
    document = {**merged.document, "grants": grants}
    if not grants:
        del document["grants"]
    unread = [f"The permission “{name}” cannot be read, and is left out." for name in asked.unreadable]
    return Plan(document, asked.permits, merged.count, (*merged.notes, *unread))


def _check(file: Mapping[str, Any]) -> None:
    """Refuse what no page could show to be repaired; all else may be wrong in a draft."""
    # Some problems hide others: what lists must be is asked first.
    for name in _LISTS:
        rows = file.get(name)
        if rows is not None and not (
            isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)
        ):
            raise ImportRefused(f"“{name}” must be a list of groups of fields.")
    wrong = next((each for each in problems(file) if each.message in _SHAPES), None)
    if wrong:
        raise ImportRefused(f"{wrong.path}: {wrong.message}")
    ids = [row.get("id") for row in file.get("commands") or ()]
    for number, own in enumerate(ids, 1):
        if not isinstance(own, str) or not _ID.fullmatch(own):
            raise ImportRefused(
                f"Command {number} needs an id of letters, digits, - and _: write one such as “id: c{number}”."
            )
        if own in ids[: number - 1]:
            raise ImportRefused(f"Two commands have the id “{own}”; give each its own.")
