"""Permissions an imported file requests beyond those of a brain, and the result of granting some."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from app.brains.capabilities import KINDS
from app.brains.capabilities.kind import PermissionRequest
from app.brains.document.schema import Grants
from app.immutable import immutable


@immutable
class RequestedPermissions:
    """Permissions a file requests, and the names of unreadable ones (never granted)."""

    requests: tuple[PermissionRequest, ...]
    unreadable: tuple[str, ...] = ()


def find_requests(wanted: Any, has: Any, *, keep: bool) -> RequestedPermissions:
    """Return the permissions of a file (`wanted`) beyond those of a brain (`has`, None = a new brain's).

    `keep`: as in `compute_grants`.
    """
    (new, unreadable), (old, _) = _read(wanted), _read(has)
    return RequestedPermissions(
        tuple(
            request
            for kind in sorted(KINDS.values(), key=lambda kind: (not kind.reaches_out, kind.order))
            for request in kind.find_requests(new.get(kind.Grant), old.get(kind.Grant), keep=keep)
        ),
        unreadable,
    )


def compute_grants(wanted: Any, has: Any, given: Collection[str], *, keep: bool) -> dict[str, Any]:
    """Return the permissions after an import: the requested keys in `given`, and otherwise no more than before.

    `keep`: the brain keeps all it has; else only what the file asks for too.
    """
    (new, unreadable), (old, _) = _read(wanted), _read(has)
    keys = {permit.key for permit in find_requests(wanted, has, keep=keep).requests} & set(given)
    result = Grants(
        **{
            name: kind.compute_grant(new.get(kind.Grant), old.get(kind.Grant), keys, keep=keep)
            for name, kind in KINDS.items()
        }
    )
    if result.model_dump() == new.model_dump() and not unreadable and isinstance(wanted, Mapping):
        return dict(wanted)
    return result.model_dump(mode="json", exclude_defaults=True)


def _read(raw: Any) -> tuple[Grants, tuple[str, ...]]:
    """Parse permissions one by one; unreadable ones are dropped and named."""
    if raw is None:
        return Grants(), ()
    if not isinstance(raw, Mapping):
        return Grants(), ("grants",)
    fine: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in raw.items():
        try:
            Grants.model_validate({name: value})
        except ValidationError:
            wrong.append(str(name))
            fine[name] = None
        else:
            fine[name] = value
    known = {name: value for name, value in fine.items() if name in Grants.model_fields}
    return Grants.model_validate(known), tuple(wrong)
