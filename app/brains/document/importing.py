"""Plan of a YAML import: the draft it makes, and the permissions it requests."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from app.brains.capabilities.kind import PermissionRequest
from app.brains.document import merge, permission_requests
from app.brains.document.validation import find_problems
from app.brains.document.yaml_format import InvalidImport
from app.immutable import immutable

REPLACE: Final = "replace"
ADD: Final = "add"

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LISTS: Final = ("commands", "prompts", "intents", "groups", "tests")
# What a page could not even show: fields that are no fields, lists that are no lists.
_SHAPES: Final = ("This must be a list.", "This must be a group of fields.")


@immutable
class ImportRequest:
    """Request to import a file: as a new brain (`draft` None), replacing a draft or adding to it."""

    file: Mapping[str, Any]
    draft: Mapping[str, Any] | None = None
    mode: str = REPLACE
    granted_keys: Collection[str] = ()

    @property
    def is_addition(self) -> bool:
        """Whether commands are added to a draft that stays."""
        return self.draft is not None and self.mode == ADD


@immutable
class ImportPlan:
    """Result of an import before it is saved: draft, permission requests, number of commands, notes."""

    document: dict[str, Any]
    permission_requests: tuple[PermissionRequest, ...]
    count: int
    notes: tuple[str, ...] = ()


def build_plan(request: ImportRequest, new_id: Callable[[], str]) -> ImportPlan:
    """Plan an import; raises InvalidImport for a file whose parts cannot be shown in the editor."""
    _check(request.file)
    draft = request.draft or {}
    if request.is_addition:
        merged = merge.add_commands(draft, request.file, new_id)
    else:
        merged = merge.MergeResult(dict(request.file), len(request.file.get("commands") or ()))
    wanted, has = request.file.get("grants"), draft.get("grants")
    requested = permission_requests.find_requests(wanted, has, keep=request.is_addition)
    grants = permission_requests.compute_grants(wanted, has, request.granted_keys, keep=request.is_addition)
    document = {**merged.document, "grants": grants}
    if not grants:
        del document["grants"]
    unread = [f"The permission “{name}” cannot be read, and is left out." for name in requested.unreadable]
    return ImportPlan(document, requested.requests, merged.count, (*merged.notes, *unread))


def _check(file: Mapping[str, Any]) -> None:
    """Refuse files the editor could not show for repair; other problems are allowed in a draft."""
    # Some problems hide others: what lists must be is asked first.
    for name in _LISTS:
        rows = file.get(name)
        if rows is not None and not (
            isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)
        ):
            raise InvalidImport(f"“{name}” must be a list of groups of fields.")
    wrong = next((each for each in find_problems(file) if each.message in _SHAPES), None)
    if wrong:
        raise InvalidImport(f"{wrong.path}: {wrong.message}")
    ids = [row.get("id") for row in file.get("commands") or ()]
    for number, own in enumerate(ids, 1):
        if not isinstance(own, str) or not _ID.fullmatch(own):
            raise InvalidImport(
                f"Command {number} needs an id of letters, digits, - and _: write one such as “id: c{number}”."
            )
        if own in ids[: number - 1]:
            raise InvalidImport(f"Two commands have the id “{own}”; give each its own.")
