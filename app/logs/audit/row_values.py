"""Values of a changed row as an entry keeps them: hidden, by changed paths, or as they are; sizes and bounds."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.logs.audit.policies import AUDITED, PRIVATE_PATHS, TABLES_BY_KIND, TablePolicy

# What stands for a value that the audit does not keep.
SECRET: Final = {"hidden": "secret"}
PRIVATE: Final = {"hidden": "private"}
# Bytes of JSON: of one entry's changes, and of rows beyond which they are only counted.
MAX_BYTES: Final = 16 * 1024
MAX_ROWS: Final = 40
_ABSENT: Final = object()
# A phone number as people write it, or a user id of WhatsApp.
_LONG_NUMBER: Final = re.compile(r"\d(?:[\s().\-]{0,2}\d){6,}")

Row = Mapping[Any, Any]
Values = dict[str, Any] | None


def describe_values(
    policy: TablePolicy, before: Row | None, after: Row | None
) -> tuple[Values, Values] | None:
    """Return what an entry keeps of a row before and after; None when nothing changed that counts.

    A row that was or is not there is None; of one that was changed only what differs is kept.
    """
    if before is None or after is None:
        return _describe_whole(policy, before), _describe_whole(policy, after)
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for column in (*policy.kept, *policy.secret, *policy.private):
        if before[column] != after[column]:
            old[column], new[column] = (_hide(policy, column, row[column]) for row in (before, after))
    for column in policy.documents:
        screen = _screen if column in policy.screened else _keep
        for path, was, is_now in _list_differences(column, before[column], after[column]):
            if was is not _ABSENT:
                old[path] = screen(was)
            if is_now is not _ABSENT:
                new[path] = screen(is_now)
    return (old, new) if old or new else None


def limit_changes(changes: list[dict[str, Any]], key: bytes) -> list[dict[str, Any]]:
    """Return changes that fit an entry: rows beyond the most are counted, the largest values told by a digest.

    The digest (HMAC-SHA-256, shortened) says whether two values are the same, and nothing of what they are.
    """
    kept = changes[:MAX_ROWS]
    if len(changes) > MAX_ROWS:
        kept.append({"kind": kept[-1]["kind"], "id": "", "name": "", "more": len(changes) - MAX_ROWS})
    size = _measure(kept)
    if size <= MAX_BYTES:
        return kept
    places = sorted(_list_places(kept), key=lambda place: _measure(place[0][place[1]]), reverse=True)
    for values, name in places:
        was = _measure(values[name])
        values[name] = compute_digest(values[name], key)
        size -= was - _measure(values[name])
        if size <= MAX_BYTES:
            return kept
    # So many small values: what is left says how many rows of which kinds there were.
    return [{**each, "before": None, "after": None, "size": size} for each in kept[:MAX_ROWS]]


def redact_name(kind: str, name: str) -> str:
    """Return the name of a row as an entry keeps it: none where its column hides a text with a long number."""
    table = TABLES_BY_KIND.get(kind)
    policy = AUDITED[table] if table else None
    is_screened = policy is not None and policy.name in policy.screened
    return "" if is_screened and _LONG_NUMBER.search(name) else name


def compute_digest(value: Any, key: bytes) -> dict[str, Any]:
    """Return what stands for a value that is too large: a digest and its size in bytes."""
    text = encode(value)
    return {"digest": hmac.new(key, text, hashlib.sha256).hexdigest()[:16], "bytes": len(text)}


def encode(value: Any) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def _describe_whole(policy: TablePolicy, row: Row | None) -> Values:
    if row is None:
        return None
    whole = {
        column: _hide(policy, column, row[column])
        for column in (*policy.kept, *policy.secret, *policy.private)
    }
    for column in policy.documents:
        screen = _screen if column in policy.screened else _keep
        whole[column] = screen(_hide_paths(row[column]))
    return whole


def _hide(policy: TablePolicy, column: str, value: Any) -> Any:
    # That something was empty is no secret, and often what there is to know.
    if value in (None, "", [], {}):
        return value
    if column in policy.kept:
        return _screen(value) if column in policy.screened else value
    return SECRET if column in policy.secret else PRIVATE


def _screen(value: Any) -> Any:
    """Hide texts with a long number, wherever they stand: brains list people by their numbers."""
    if isinstance(value, str):
        return PRIVATE if _LONG_NUMBER.search(value) else value
    if isinstance(value, Mapping):
        return {key: _screen(part) for key, part in value.items()}
    return [_screen(part) for part in value] if isinstance(value, list) else value


def _keep(value: Any) -> Any:
    return value


def _hide_paths(document: Any) -> Any:
    if not isinstance(document, Mapping):
        return document
    return {key: PRIVATE if key in PRIVATE_PATHS and value else value for key, value in document.items()}


def _list_differences(path: str, before: Any, after: Any, depth: int = 0) -> Iterator[tuple[str, Any, Any]]:
    """Return the paths at which two JSON values differ, with both values; lists of named things by their names."""
    if before == after:
        return
    if depth == 1 and path.partition("/")[2] in PRIVATE_PATHS:
        yield path, _mark_private(before), _mark_private(after)
        return
    old, new = _index(before), _index(after)
    if old is None or new is None:
        yield path, before, after
        return
    for key in {**old, **new}:
        yield from _list_differences(f"{path}/{key}", old.get(key, _ABSENT), new.get(key, _ABSENT), depth + 1)
    if list(old) != list(new) and set(old) == set(new) and isinstance(before, list):
        yield f"{path}/order", list(old), list(new)


def _mark_private(value: Any) -> Any:
    return value if value is _ABSENT or not value else PRIVATE


def _index(value: Any) -> dict[str, Any] | None:
    """Return the parts of a JSON value by key, id or name; None for one that is shown as a whole."""
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, list) or not value:
        return None
    for name in ("id", "name"):
        keys = [str(each.get(name, "")) if isinstance(each, Mapping) else "" for each in value]
        if all(keys) and len(set(keys)) == len(keys):
            return dict(zip(keys, value, strict=True))
    return None


def _list_places(changes: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for change in changes:
        for side in ("before", "after"):
            for name in change.get(side) or ():
                yield change[side], name


def _measure(value: Any) -> int:
    return len(encode(value))
