"""Texts folded for comparison: case, width, accents, digits, quotes, invisible signs; positions lead to the original.

The fold of a text is the fold of its clusters one after the other. A cluster is a letter with what joins it: accents,
vowel signs, invisible signs, the parts of an emoji or of a flag.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.immutable import immutable
from app.unicode.signs import INVISIBLE, TAGS, describe_shape

_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]+")
# One look tells that most texts have none of it.
_SUSPECT: Final = re.compile(f"[{INVISIBLE}\u200d{TAGS}]")
# A joiner counts between two pictures, tags count behind the flag they name; elsewhere nobody sees them.
_JOINER: Final = re.compile("\u200d")
_TAGS: Final = re.compile(f"(\U0001f3f4[{TAGS}]+)|[{TAGS}]+")
_CLUSTER: Final = re.compile(r"[ek](?:[kmit]*z[mit]*e)*[kmitz]*|rr?[mitz]*|[^mitz][mitz]*|[mitz]+", re.DOTALL)
_PICTURES: Final = "ekr"
_TATWEEL: Final = "\u0640"
# Marks that stand beside or around a letter without changing it: vowel signs, points of Hebrew and Arabic.
_LOOSE_CLASSES: Final = frozenset({0, *range(10, 37)})
# Accents and points, not the signs that make another letter of it (nukta, virama, voice marks, tones of Thai and Lao).
_ACCENT_CLASSES: Final = frozenset({*range(10, 37), *range(200, 241)})


# Phones put them where ' and " were typed; the acute accent on its own is typed for an apostrophe.
_ACUTE: Final = "\u00b4"
_QUOTES: Final = {
    "'": "\u2018\u2019\u201a\u201b\u2039\u203a\u02bb\u02bc",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb",
}


@immutable
class FoldOptions:
    """What makes no difference when texts are compared."""

    ignore_case: bool = True
    ignore_accents: bool = False


_DEFAULT: Final = FoldOptions()


def fold(text: str, options: FoldOptions = _DEFAULT) -> str:
    """Return a text for comparison, without what makes no difference; folding it again changes nothing."""
    if text.isascii():
        return text.lower() if options.ignore_case else text
    text = unicodedata.normalize("NFKD", _strip_invisible(text.replace(_ACUTE, "'")))
    if options.ignore_case:
        # İ and ı are i: a person cannot be asked which keyboard they have.
        text = text.casefold().replace("ı", "i").replace("i\u0307", "i")
    if _HAS_SIGNS.search(text):
        text = text.translate(_PLAIN_SIGNS)
    if options.ignore_accents:
        text = unicodedata.normalize("NFKD", text).translate(_ACCENTS)
    return unicodedata.normalize("NFKC", text)


class _PlainSigns(dict[int, int]):
    """Table for `str.translate` that turns digits of every script into 0 to 9, quotes into ' and "; filled as met."""

    def __missing__(self, code: int) -> int:
        digit = unicodedata.decimal(chr(code), None)
        found = code if digit is None else ord("0") + digit
        if code <= 0xFFFF:
            self[code] = found
        return found


_PLAIN_SIGNS: Final = _PlainSigns(
    {ord(each): ord(plain) for plain, listed in _QUOTES.items() for each in listed}
)


# One look costs less than to translate.
_HAS_SIGNS: Final = re.compile(rf"[\d{''.join(_QUOTES.values())}]")


class _Accents(dict[int, int | None]):
    """Table for `str.translate` that drops accents; filled as they are met."""

    def __missing__(self, code: int) -> int | None:
        is_accent = unicodedata.combining(chr(code)) in _ACCENT_CLASSES or chr(code) == _TATWEEL
        found = None if is_accent else code
        if code <= 0xFFFF:
            self[code] = found
        return found


_ACCENTS: Final = _Accents()


def _strip_invisible(text: str) -> str:
    if not _SUSPECT.search(text):
        return text
    text = _INVISIBLE.sub("", text)
    if "\u200d" in text:
        text = _JOINER.sub(_keep_joiner, text)
    return _TAGS.sub(r"\1", text)


def _keep_joiner(found: re.Match[str]) -> str:
    before, after = (
        found.string[found.start() - 1 : found.start()],
        found.string[found.end() : found.end() + 1],
    )
    return "\u200d" if describe_shape(before + after) in {"ee", "ke", "me", "te"} else ""


@dataclass(frozen=True)
class FoldedText:
    """A text and its fold; positions in the fold lead back to the original."""

    original: str
    options: FoldOptions = _DEFAULT

    @cached_property
    def text(self) -> str:
        """The folded text."""
        return fold(self.original, self.options)

    def get_boundary(self, position: int) -> int | None:
        """Return where a position of the fold is in the original; None within what is folded as a whole.

        The fold of the original up to there is the fold up to the position.
        """
        if self.original.isascii():
            return position
        return self._boundaries.get(position)

    def find_start(self, position: int) -> int:
        """Return where in the original begins what a position of the fold belongs to."""
        at = self.get_boundary(position)
        while at is None:
            position -= 1
            at = self.get_boundary(position)
        return at

    def find_end(self, position: int) -> int:
        """Return where in the original ends what stands before a position of the fold."""
        at = self.get_boundary(position)
        while at is None:
            position += 1
            at = self.get_boundary(position)
        return at

    def find(self, wanted: str, start: int = 0) -> int:
        """Return where a folded text stands whole in the fold, -1 for nowhere."""
        at = self.text.find(wanted, start)
        while at >= 0 and (self.get_boundary(at) is None or self.get_boundary(at + len(wanted)) is None):
            at = self.text.find(wanted, at + 1)
        return at

    @cached_property
    def _boundaries(self) -> dict[int, int]:
        """Positions of the fold that have a place in the original; what cannot be seen belongs to what is before."""
        found, position, place = {0: 0}, 0, 0
        for part in self._list_parts():
            position, place = position + len(fold(part, self.options)), place + len(part)
            found[position] = place
        return found

    def _list_parts(self) -> Iterator[str]:
        """Cut the original into the smallest parts that can be folded on their own."""
        for cluster in _CLUSTER.finditer(describe_shape(self.original)):
            part = self.original[cluster.start() : cluster.end()]
            if len(part) == 1 or cluster[0][0] in _PICTURES:
                yield part
            else:
                yield from _split_loose(part, fold(part, self.options), self.options)


def _split_loose(cluster: str, folded: str, options: FoldOptions) -> Iterator[str]:
    """Split a letter from the signs beside it, where each is folded on its own."""
    parts = [cluster[:1]]
    for sign in cluster[1:]:
        if fold(sign, options) and unicodedata.combining(sign) in _LOOSE_CLASSES:
            parts.append(sign)
        else:
            parts[-1] += sign
    yield from parts if "".join(fold(part, options) for part in parts) == folded else [cluster]
