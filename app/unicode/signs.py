"""Classes of characters: letters, marks, invisible signs, emoji, scripts without spaces (Unicode 14).

A text is described by its shape: a string of the same length with one letter for the class of each character.
"""

import re
import unicodedata
from bisect import bisect_right
from typing import Final

# One letter each, so that ordinary expressions cut a shape.
WORD, SPACELESS, MARK, IGNORABLE, JOINER, TAG = "w", "s", "m", "i", "z", "t"
EMOJI, SKIN_TONE, REGIONAL, UNDERSCORE, SPACE, OTHER = "e", "k", "r", "_", " ", "."

# Default_Ignorable_Code_Point without the joiner and the tags, which mean something within an emoji.
INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f"
    "\U000e0080-\U000e0fff"
)
_JOINER: Final = "\u200d"
TAGS: Final = "\U000e0020-\U000e007f"
_SKIN_TONES: Final = "\U0001f3fb-\U0001f3ff"
REGIONALS: Final = "\U0001f1e6-\U0001f1ff"
# Pictures, arrows and signs that take part in emoji; Python knows no property for them.
PICTURES: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030"
    "\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)
# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, Tai, Balinese, Javanese, Han, kana, Yi.
SPACELESS_LETTERS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u2fdf\u3005-\u3007"
    "\u3021-\u3029\u3031-\u3035\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f"
    "\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b2ff\U00020000-\U0003fffd"
)
# Vowels and final consonants that join the Hangul letter before them.
_JAMO: Final = "\u1160-\u11ff\ud7b0-\ud7ff"

_CLASSES: Final = (
    (IGNORABLE, INVISIBLE),
    (JOINER, _JOINER),
    (TAG, TAGS),
    (SKIN_TONE, _SKIN_TONES),
    (REGIONAL, REGIONALS),
    (EMOJI, PICTURES),
)


def _list_ranges(letters: str) -> list[tuple[int, int]]:
    """Read the inside of a character class: single characters and ranges."""
    found = re.findall("(.)-(.)|(.)", letters, re.DOTALL)
    return [(ord(first or single), ord(last or single)) for first, last, single in found]


class _Ranges:
    """Ranges of code points, searched by bisection."""

    def __init__(self, letters: str) -> None:
        self._ranges = sorted(_list_ranges(letters))
        self._starts = [first for first, _ in self._ranges]

    def __contains__(self, code: int) -> bool:
        at = bisect_right(self._starts, code) - 1
        return at >= 0 and code <= self._ranges[at][1]


_RANGES: Final = tuple((name, _Ranges(letters)) for name, letters in _CLASSES)
_SPACELESS_RANGES: Final = _Ranges(SPACELESS_LETTERS)
_JAMO_RANGES: Final = _Ranges(_JAMO)


def _classify(code: int) -> str:
    special = next((name for name, ranges in _RANGES if code in ranges), None)
    if special:
        return special
    letter = chr(code)
    # What a compatibility form stands for decides: half-width voice marks join the letter before them.
    first = unicodedata.normalize("NFKD", letter)[0]
    if unicodedata.category(first)[0] == "M" or ord(first) in _JAMO_RANGES:
        return MARK
    if letter.isalnum():
        return SPACELESS if code in _SPACELESS_RANGES else WORD
    if letter == "_":
        return UNDERSCORE
    return SPACE if letter.isspace() else OTHER


class _Shapes(dict[int, str]):
    """Class of each code point, found when it is first met; those beyond the basic plane are not kept."""

    def __missing__(self, code: int) -> str:
        found = _classify(code)
        if code <= 0xFFFF:
            self[code] = found
        return found


_SHAPES: Final = _Shapes()


def describe_shape(text: str) -> str:
    """Return the class of each character of a text, one letter each."""
    return text.translate(_SHAPES)
