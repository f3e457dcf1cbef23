"""Values of a changed column before and after, as texts to read: moments, hidden values, lists and JSON by path."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.admin.audit.column_words import is_moment, name_column, name_value
from app.admin.ui.time_format import format_exact
from app.brains.document.diff import Segment, compare_texts, shorten
from app.immutable import immutable
from app.logs.audit.stored_values import LATEST_MOMENT

NOTHING: Final = "nothing"
HIDDEN: Final = "hidden"
ABSENT: Final = object()
# Longer values fold.
FOLD_CHARS: Final = 300
# So many lines of one row; an entry is bounded, but one brain may have thousands of small paths.
MAX_LINES: Final = 200
_HIDDEN_WORDS: Final = {
    "secret": "hidden: a secret, of which nothing is kept",
    "private": "hidden: what contacts write and who they are is not kept",
}
# Moments in ms since 2001; smaller numbers are counts.
_LEAST_MOMENT: Final = 1_000_000_000_000


@immutable
class ChangedValue:
    """One line of a change: its words, the texts before and after (None = it was or is not there).

    `hint` says why nothing of a value is shown.
    """

    label: str
    before: str | None
    after: str | None
    hint: str = ""

    @property
    def is_hidden(self) -> bool:
        """Whether the value itself is not kept."""
        return bool(self.hint)

    @property
    def is_long(self) -> bool:
        """Whether a value is folded, so that the others stay in sight."""
        texts = (self.before or "", self.after or "")
        return any(len(text) > FOLD_CHARS or text.count("\n") > 4 for text in texts)

    @property
    def segments(self) -> list[Segment]:
        """Return the difference of two texts, unchanged lines far from a change left out."""
        return shorten(compare_texts(self.before or "", self.after or ""))


def list_values(
    kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[ChangedValue]:
    """Return the lines of a changed row: one a column, or one a path of it that differs."""
    old, new = before or {}, after or {}
    lines: list[ChangedValue] = []
    for column in dict.fromkeys((*old, *new)):
        was, is_now = (_expand(column, side.get(column, ABSENT)) for side in (old, new))
        for path in dict.fromkeys((*was, *is_now)):
            a, b = was.get(path, ABSENT), is_now.get(path, ABSENT)
            if a != b or _is_hidden(a):
                lines.append(_build_line(kind, path, a, b))
    return lines


def format_value(column: str, value: Any) -> str:
    """Return a value in words: moments in the operator's zone, nothing, yes and no, hidden ones."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and is_moment(column):
        return _format_moment(value)
    if isinstance(value, Mapping):
        return _format_mapping(value)
    if isinstance(value, list):
        return ", ".join(format_value("", each) for each in value) or "empty"
    return str(value)


def _format_moment(value: int) -> str:
    if _LEAST_MOMENT <= value <= LATEST_MOMENT:
        return format_exact(value)
    return str(value) if value else "never"


def _format_mapping(value: Mapping[str, Any]) -> str:
    if _is_hidden(value):
        return HIDDEN
    return f"{value['bytes']:,} bytes, digest {value['digest']}" if _is_digest(value) else "empty"


def _build_line(kind: str, path: str, before: Any, after: Any) -> ChangedValue:
    column = path.partition("/")[0]
    old, new = (
        None if each is ABSENT else name_value(kind, column, each) or format_value(column, each)
        for each in (before, after)
    )
    hidden = next((each for each in (before, after) if _is_hidden(each)), None)
    return ChangedValue(
        name_column(kind, path), old, new, _HIDDEN_WORDS.get(hidden["hidden"], HIDDEN) if hidden else ""
    )


def _expand(path: str, value: Any) -> dict[str, Any]:
    """Return the parts of a value by path; a list of plain values is one part."""
    return {} if value is ABSENT else dict(_iterate_parts(path, value))


def _iterate_parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and not (_is_hidden(value) or _is_digest(value)):
        for key, part in value.items():
            yield from _iterate_parts(f"{path}/{key}", part)
    elif isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
        names = [_name_part(place, part) for place, part in enumerate(value, 1)]
        for place, (name, part) in enumerate(zip(names, value, strict=True), 1):
            # Two of a name are told apart by their places.
            yield from _iterate_parts(f"{path}/{name if names.count(name) == 1 else place}", part)
    else:
        yield path, value


def _name_part(place: int, part: Any) -> str:
    """Return what a part of a list is told apart by: its name or id, else its place."""
    found = (part.get("id") or part.get("name")) if isinstance(part, Mapping) else None
    return str(found) if isinstance(found, str | int) else str(place)


def _is_hidden(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"hidden"} and isinstance(value["hidden"], str)


def _is_digest(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and set(value) == {"digest", "bytes"} and isinstance(value["bytes"], int)
    )
