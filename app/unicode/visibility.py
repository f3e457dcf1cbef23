"""Names and texts of strangers on our pages: whether anything of them can be seen, and no direction marks."""

import re
import unicodedata
from typing import Final

from app.unicode.signs import IGNORABLE, JOINER, TAG, describe_shape

# Marks and overrides of direction, isolates among them: a stranger's must not rule what stands beside their words.
_DIRECTION_MARKS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = frozenset({IGNORABLE, JOINER, TAG})
# Letters that a font draws as nothing.
_BLANKS: Final = frozenset({"\u2800", "\U0001d159"})


def has_visible_character(text: str) -> bool:
    """Tell whether anything of a text can be seen; marks without a letter, spaces and blanks cannot."""
    if text.isascii():
        return any(each.isprintable() and each != " " for each in text)
    shape = describe_shape(text)
    return any(
        kind not in _INVISIBLE and unicodedata.category(each)[0] not in "CZM" and each not in _BLANKS
        for each, kind in zip(text, shape, strict=True)
    )


def clean_name(text: str) -> str:
    """Return a stranger's name without marks of direction; empty when nothing of it can be seen."""
    name = strip_direction_marks(text)
    return name if has_visible_character(name) else ""


def strip_direction_marks(text: str) -> str:
    """Return a text without marks of direction, such as a file name has them to look like another one."""
    return text if text.isascii() else _DIRECTION_MARKS.sub("", text)
