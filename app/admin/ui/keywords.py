"""Keywords as typed in a form: separated by commas or lines, in quotes where one has a comma of its own."""

import re
from collections.abc import Iterable
from typing import Final

from app.admin.ui.form_text import normalise_newlines

_COMMAS: Final = ",\uff0c\u3001\u060c"  # also those of Chinese, Japanese and Arabic
_QUOTES: Final = {'"': '"', "“": "”", "„": "“", "«": "»"}
_PART: Final = re.compile(
    "|".join(rf"\s*{start}([^{start}{end}\n]+){end}\s*(?=[{_COMMAS}\n]|\Z)" for start, end in _QUOTES.items())
    + rf"|([^{_COMMAS}\n]+)"
)
_HAS_SEPARATOR: Final = re.compile(rf"[{_COMMAS}]")


def split_keywords(text: str) -> list[str]:
    """Return the keywords of a text, each once, in the order they were written."""
    found = _PART.finditer(normalise_newlines(text))
    parts = (next(group for group in each.groups() if group is not None) for each in found)
    return list(dict.fromkeys(word for part in parts if (word := part.strip())))


def join_keywords(words: Iterable[str]) -> str:
    """Write keywords one per line, so that `split_keywords` returns the same."""
    return "\n".join(f'"{word}"' if _HAS_SEPARATOR.search(word) else word for word in words)
