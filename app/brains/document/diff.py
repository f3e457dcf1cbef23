"""What differs between two documents: which parts came, went, moved or changed, and which words in them."""

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from pydantic import ValidationError

from app.brains.document import Document, plain
from app.brains.effects import canonical_json

SAME: Final = "same"
GONE: Final = "gone"
NEW: Final = "new"
SKIPPED: Final = "skipped"

# Parts of a document that have names of their own, and what they are told apart by.
KEYS: Final = {"commands": "id", "prompts": "name", "intents": "name", "tests": "name", "groups": "name"}
# Beyond so many words on a side, a changed stretch is shown as removed and added as a whole.
_WORDS: Final = 3_000
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_CONTEXT: Final = 2  # unchanged lines shown around a change


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `kind`: same | gone | new | skipped (then `text` counts the lines left out)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """One changed field of a part, by its path such as action.template; null = not there."""

    path: str
    old: str | None
    new: str | None

    @property
    def pieces(self) -> list[Piece]:
        """Return the words of both sides, those far from any change left out."""
        return shortened(words(self.old or "", self.new or ""))


@dataclass(frozen=True, slots=True)
class Part:
    """A command, prompt or other named part that is not as it was; `kind`: added | removed | changed | moved.

    A changed part may have moved too; places count from 1.
    """

    section: str
    key: str
    name: str
    kind: str
    fields: tuple[Field, ...] = ()
    moved: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two documents: named parts, and fields of the brain as a whole."""

    parts: tuple[Part, ...] = ()
    fields: tuple[Field, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts or self.fields)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Compare two documents, right or wrong ones; what is written out and what is left at its default is the same."""
    before, after = _plain(old), _plain(new)
    parts = [part for section in KEYS for part in _parts(section, before, after)]
    return Difference(tuple(parts), tuple(_fields(_whole(before), _whole(after))))


def blame(document: Mapping[str, Any], history: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, int]:
    """Say for each command of `document` in which version it became what it is; `history` is newest first.

    A command that no version has like this is left out: it was changed since the last publish.
    """
    wanted = _prints(document)
    found: dict[str, int] = {}
    open_ = set(wanted)
    for number, version in history:
        there = _prints(version)
        open_ = {key for key in open_ if there.get(key) == wanted[key]}
        if not open_:
            break
        found.update(dict.fromkeys(open_, number))
    return found


def words(old: str, new: str) -> list[Piece]:
    """Compare two texts: line by line, and word by word where lines were changed."""
    if old == new:
        return [Piece(SAME, old)] if old else []
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(SAME, "".join(before[a:b])))
        else:
            pieces += _changed("".join(before[a:b]), "".join(after[c:d]))
    return [Piece(kind, "".join(each.text for each in run)) for kind, run in groupby(pieces, _kind)]


def shortened(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out unchanged lines that are not next to a change."""
    last = len(pieces) - 1
    return [
        short
        for place, piece in enumerate(pieces)
        for short in (
            _cut(piece, top=place > 0, bottom=place < last) if piece.kind == SAME and last else (piece,)
        )
    ]


def _kind(piece: Piece) -> str:
    return piece.kind


def _changed(old: str, new: str) -> Iterator[Piece]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) > _WORDS or len(after) > _WORDS:
        yield from (Piece(kind, text) for kind, text in ((GONE, old), (NEW, new)) if text)
        return
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece(SAME, "".join(before[a:b]))
            continue
        if a < b:
            yield Piece(GONE, "".join(before[a:b]))
        if c < d:
            yield Piece(NEW, "".join(after[c:d]))


def _cut(piece: Piece, *, top: bool, bottom: bool) -> Iterator[Piece]:
    """Keep the lines of an unchanged stretch that touch a change above (`top`) or below (`bottom`)."""
    lines = piece.text.splitlines(keepends=True)
    head, tail = _CONTEXT * top, _CONTEXT * bottom
    left_out = len(lines) - head - tail
    if left_out < 2:
        yield piece
        return
    if head:
        yield Piece(SAME, "".join(lines[:head]))
    yield Piece(SKIPPED, str(left_out))
    if tail:
        yield Piece(SAME, "".join(lines[-tail:]))


def _plain(document: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return plain(Document.model_validate(dict(document)))
    except ValidationError:
        return document


def _whole(document: Mapping[str, Any]) -> dict[str, str]:
    rest = {name: value for name, value in document.items() if name not in KEYS and name != "brain"}
    return dict(_flat(rest))


def _listed(section: str, document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the parts of a section by what tells them apart; what is no part is left out."""
    given = document.get(section)
    rows = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    return {str(row.get(KEYS[section])): row for row in rows if isinstance(row, Mapping)}


def _parts(section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Part]:
    before, after = _listed(section, old), _listed(section, new)
    places = {key: place for place, key in enumerate(before, 1)}
    moved = _moved([places[key] for key in after if key in before])
    for place, (key, row) in enumerate(after.items(), 1):
        name = str(row.get("name") or key)
        if key not in before:
            yield Part(section, key, name, "added", tuple(_fields({}, dict(_flat(row)))))
            continue
        fields = tuple(_fields(dict(_flat(before[key])), dict(_flat(row))))
        went = (places[key], place) if places[key] in moved else None
        if fields or went:
            yield Part(section, key, name, "changed" if fields else "moved", fields, went)
    for key, row in before.items():
        if key not in after:
            name = str(row.get("name") or key)
            yield Part(section, key, name, "removed", tuple(_fields(dict(_flat(row)), {})))


def _moved(places: Sequence[int]) -> set[int]:
    """Return the fewest places that must have moved for the rest to stand in order."""
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


def _fields(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Field]:
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield Field(path, old.get(path), new.get(path))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Write data as texts by their paths."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            # Within a part its id is its place, and never changes.
            if path or name != "id":
                yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _flat_list(value, path)
    elif value is not None:
        yield path, _text(value)


def _flat_list(values: Sequence[Any], path: str) -> Iterator[tuple[str, str]]:
    """Write a list of plain values as one text of several lines, any other entry by entry."""
    if any(isinstance(each, Mapping | list | tuple) for each in values):
        for place, each in enumerate(values, 1):
            yield from _flat(each, f"{path}.{place}")
    elif values:
        yield path, "\n".join(map(_text, values))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _prints(document: Mapping[str, Any]) -> dict[str, str]:
    return {key: canonical_json(row) for key, row in _listed("commands", _plain(document)).items()}
