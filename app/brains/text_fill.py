"""Filling of templates that only put known texts in their places: done here, as a sandbox process would do it.

What a template of any other kind costs is mostly the exchange with that process. Whatever is not certain to come out
the same goes there: other syntax, a value that is no text or is missing, a text that grows too long
(docs/decisions/0028; tests/brains/test_text_fill.py compares both).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.document.arguments import Value
from app.brains.turn import Turn
from app.immutable import immutable

# One variable and one field, with nothing around them but spaces; ASCII, as Jinja folds other letters of names.
_PLACEHOLDER: Final = re.compile(r"\{\{ {0,9}(args|message|sender)\.([A-Za-z_][A-Za-z0-9_]{0,99}) {0,9}\}\}")
_MAX_PLACES: Final = 50

Read = Callable[[Turn, Mapping[str, Value]], Any]
_FIELDS: Final[Mapping[tuple[str, str], Read]] = {
    ("message", "text"): lambda turn, _values: turn.text,
    ("sender", "name"): lambda turn, _values: turn.sender.name,
    ("sender", "phone"): lambda turn, _values: turn.sender.phone or "",
    ("sender", "id"): lambda turn, _values: turn.sender.id,
}


@immutable
class TextFill:
    """Texts before, between and behind the places, and how each place is read."""

    texts: tuple[str, ...]
    places: tuple[Read, ...]

    def fill(self, turn: Turn, values: Mapping[str, Value]) -> str | None:
        """Return the filled text; None when only a sandbox process can tell what comes out."""
        pieces = [self.texts[0]]
        for read, text in zip(self.places, self.texts[1:], strict=True):
            value = read(turn, values)
            if type(value) is not str:
                return None
            pieces += value, text
        filled = "".join(pieces)
        return filled if len(filled) <= limits.OUTPUT_CHARS else None


def read_text_fill(template: str) -> TextFill | None:
    """Return how a template is filled; None for one with anything but text and known places."""
    # Jinja drops a line's end at the end of a template, and makes all of them "\n".
    if "\r" in template or template.endswith("\n"):
        return None
    pieces = _PLACEHOLDER.split(template)
    texts, names = pieces[::3], list(zip(pieces[1::3], pieces[2::3], strict=True))
    if not 0 < len(names) <= _MAX_PLACES or any("{" in text for text in texts):
        return None
    places = [_find_read(*name) for name in names]
    return TextFill(tuple(texts), tuple(filter(None, places))) if all(places) else None


def _find_read(variable: str, field: str) -> Read | None:
    if variable == "args":
        return lambda _turn, values: values.get(field)
    return _FIELDS.get((variable, field))
