"""Difference of two documents: added, removed, moved and changed parts, word by word."""

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from pydantic import ValidationError

from app.brains.document.schema import Document, to_json_data
from app.brains.document.validation import split_off_invalid
from app.brains.text import to_canonical_json
from app.immutable import immutable

SAME: Final = "same"
GONE: Final = "gone"
NEW: Final = "new"
SKIPPED: Final = "skipped"

# Parts of a document that have names of their own, and what they are told apart by.
KEYS: Final = {"commands": "id", "prompts": "name", "intents": "name", "tests": "name", "groups": "name"}
# Beyond so many words on a side, a changed stretch is shown as removed and added as a whole.
_MAX_WORDS: Final = 3_000
# A stretch of which less is kept is shown as removed and added as a whole, too.
_LEAST_LIKENESS: Final = 0.5
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_CONTEXT_LINES: Final = 2  # unchanged lines shown around a change


@immutable
class Segment:
    """Piece of text; `kind`: same | gone | new | skipped (then `text` holds the number of omitted lines)."""

    kind: str
    text: str


@immutable
class FieldChange:
    """Changed field of a part, by its path such as action.template; None = not there."""

    path: str
    old: str | None
    new: str | None

    @property
    def segments(self) -> list[Segment]:
        """Return the word difference of both values, unchanged lines far from a change omitted."""
        return shorten(compare_texts(self.old or "", self.new or ""))


@immutable
class PartChange:
    """Changed command, prompt or other named part; `kind`: added | removed | changed | moved.

    A changed part may have moved too; places count from 1.
    """

    section: str
    key: str
    name: str
    kind: str
    fields: tuple[FieldChange, ...] = ()
    moved: tuple[int, int] | None = None


@immutable
class Difference:
    """Difference of two documents: named parts, and fields of the brain as a whole."""

    parts: tuple[PartChange, ...] = ()
    fields: tuple[FieldChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts or self.fields)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Compare two documents, valid or not; omitted and default values are equal."""
    before, after = _normalise(old), _normalise(new)
    parts = [part for section in KEYS for part in _compare_parts(section, before, after)]
    return Difference(
        tuple(parts), tuple(_compare_fields(_flatten_brain_fields(before), _flatten_brain_fields(after)))
    )


def blame(document: Mapping[str, Any], history: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, int]:
    """Return for each command of `document` the version that last changed it; `history` is newest first.

    A command that no version has like this is left out: it was changed since the last publish.
    """
    wanted = _serialise_commands(document)
    found: dict[str, int] = {}
    open_ = set(wanted)
    for number, version in history:
        there = _serialise_commands(version)
        open_ = {key for key in open_ if there.get(key) == wanted[key]}
        if not open_:
            break
        found.update(dict.fromkeys(open_, number))
    return found


def compare_texts(old: str, new: str) -> list[Segment]:
    """Compare two texts by lines, and changed lines by words."""
    if old == new:
        return [Segment(SAME, old)] if old else []
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[Segment] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Segment(SAME, "".join(before[a:b])))
        else:
            pieces += _compare_words("".join(before[a:b]), "".join(after[c:d]))
    return [Segment(kind, "".join(each.text for each in run)) for kind, run in groupby(pieces, _get_kind)]


def shorten(pieces: Sequence[Segment]) -> list[Segment]:
    """Omit unchanged lines that are not next to a change."""
    last = len(pieces) - 1
    return [
        short
        for place, piece in enumerate(pieces)
        for short in (
            _trim_context(piece, top=place > 0, bottom=place < last)
            if piece.kind == SAME and last
            else (piece,)
        )
    ]


def _get_kind(piece: Segment) -> str:
    return piece.kind


def _compare_words(old: str, new: str) -> Iterator[Segment]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) > _MAX_WORDS or len(after) > _MAX_WORDS:
        yield from (Segment(kind, text) for kind, text in ((GONE, old), (NEW, new)) if text)
        return
    changes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    kept = sum(_count_words(before[a:b]) for kind, a, b, _, _ in changes if kind == "equal")
    if old and new and kept < _LEAST_LIKENESS * max(_count_words(before), _count_words(after)):
        # Words of unlike texts, mixed with each other, can be read as neither.
        end = "\n" if old.endswith("\n") and new.endswith("\n") else ""
        pieces = ((GONE, old.removesuffix(end)), (NEW, new.removesuffix(end)), (SAME, end))
        yield from (Segment(kind, text) for kind, text in pieces if text)
        return
    for kind, a, b, c, d in changes:
        if kind == "equal":
            yield Segment(SAME, "".join(before[a:b]))
            continue
        if a < b:
            yield Segment(GONE, "".join(before[a:b]))
        if c < d:
            yield Segment(NEW, "".join(after[c:d]))


def _count_words(words: Sequence[str]) -> int:
    return sum(word[0].isalnum() for word in words)


def _trim_context(piece: Segment, *, top: bool, bottom: bool) -> Iterator[Segment]:
    """Keep the lines of an unchanged stretch that touch a change above (`top`) or below (`bottom`)."""
    lines = piece.text.splitlines(keepends=True)
    head, tail = _CONTEXT_LINES * top, _CONTEXT_LINES * bottom
    left_out = len(lines) - head - tail
    if left_out < 2:
        yield piece
        return
    if head:
        yield Segment(SAME, "".join(lines[:head]))
    yield Segment(SKIPPED, str(left_out))
    if tail:
        yield Segment(SAME, "".join(lines[-tail:]))


def _normalise(document: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return to_json_data(Document.model_validate(dict(document)))
    except ValidationError:
        return _normalise_valid_part(document)


def _normalise_valid_part(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Normalise a document around its invalid commands, which stay as written: a default is no difference."""
    usable, left_out = split_off_invalid(document)
    if not left_out:
        return document
    normal = _normalise(usable)
    kept = iter(normal["commands"])
    return {**normal, "commands": [each if each in left_out else next(kept) for each in document["commands"]]}


def _flatten_brain_fields(document: Mapping[str, Any]) -> dict[str, str]:
    rest = {name: value for name, value in document.items() if name not in KEYS and name != "brain"}
    return dict(_flatten(rest))


def _index_parts(section: str, document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the parts of a section by their key; anything else is skipped."""
    given = document.get(section)
    rows = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    return {str(row.get(KEYS[section])): row for row in rows if isinstance(row, Mapping)}


def _compare_parts(section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[PartChange]:
    before, after = _index_parts(section, old), _index_parts(section, new)
    places = {key: place for place, key in enumerate(before, 1)}
    moved = _find_moved([places[key] for key in after if key in before])
    for place, (key, row) in enumerate(after.items(), 1):
        name = str(row.get("name") or key)
        if key not in before:
            yield PartChange(section, key, name, "added", tuple(_compare_fields({}, dict(_flatten(row)))))
            continue
        fields = tuple(_compare_fields(dict(_flatten(before[key])), dict(_flatten(row))))
        went = (places[key], place) if places[key] in moved else None
        if fields or went:
            yield PartChange(section, key, name, "changed" if fields else "moved", fields, went)
    for key, row in before.items():
        if key not in after:
            name = str(row.get("name") or key)
            yield PartChange(section, key, name, "removed", tuple(_compare_fields(dict(_flatten(row)), {})))


def _find_moved(places: Sequence[int]) -> set[int]:
    """Return the smallest set of places that must have moved for the rest to be in order."""
    ends: list[int] = []
    longest: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
        longest.append(at)
    kept: set[int] = set()
    wanted = len(ends) - 1
    for place, length in zip(reversed(places), reversed(longest), strict=True):
        if length == wanted:
            kept.add(place)
            wanted -= 1
    return set(places) - kept


def _compare_fields(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[FieldChange]:
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield FieldChange(path, old.get(path), new.get(path))


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Flatten data to texts by path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            # Within a part its id is its place, and never changes.
            if path or name != "id":
                yield from _flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _flatten_list(value, path)
    elif value is not None:
        yield path, _to_text(value)


def _flatten_list(values: Sequence[Any], path: str) -> Iterator[tuple[str, str]]:
    """Flatten a list: plain values as one text of several lines, others entry by entry."""
    if any(isinstance(each, Mapping | list | tuple) for each in values):
        for place, each in enumerate(values, 1):
            yield from _flatten(each, f"{path}.{place}")
    elif values:
        yield path, "\n".join(map(_to_text, values))


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _serialise_commands(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: to_canonical_json(row) for key, row in _index_parts("commands", _normalise(document)).items()
    }
