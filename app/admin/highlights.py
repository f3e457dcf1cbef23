"""Excerpts of texts with the words that were looked for marked."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from app.bot.search_words import Term, plain, terms_of

WIDTH = 160
# Words shown before the first mark.
BEFORE = 40


def excerpt(text: str, search: str) -> Markup:
    """Return the part of a text around the first hit, all hits in it marked; everything else escaped."""
    spans = _spans(text, search)
    start = max(spans[0][0] - BEFORE, 0) if spans else 0
    if start:
        start = text.rfind(" ", 0, start) + 1
    end = min(start + WIDTH, len(text))
    shown = Markup("…") if start else Markup()
    at = start
    for first, last in spans:
        if first >= end:
            break
        shown += escape(text[at:first]) + Markup("<mark>{}</mark>").format(text[first : min(last, end)])
        at = min(last, end)
    return shown + escape(text[at:end]) + ("…" if end < len(text) else "")


def _spans(text: str, search: str) -> list[tuple[int, int]]:
    """Return where terms are, in order and apart."""
    terms = terms_of(search)
    letters, places = _plain_with_places(text)
    found = (
        [(m.start(), m.end()) for term in terms for m in _pattern(term).finditer(letters)]
        if terms
        else [(m.start(), m.end()) for m in re.finditer(re.escape(search.strip() or "\0"), letters)]
    )
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if not apart or places[start] >= apart[-1][1]:
            apart.append((places[start], places[end - 1] + 1))
    return apart


def _pattern(term: Term) -> re.Pattern[str]:
    words = r"[\W_]+".join(map(re.escape, term.parts))
    return re.compile(rf"(?<![^\W_]){words}" + ("" if term.open_end else r"(?![^\W_])"))


def _plain_with_places(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in plain letters, and for each of them where it came from."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for each in plain(letter):
            letters.append(each)
            places.append(place)
    return "".join(letters), places
