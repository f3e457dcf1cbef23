"""Search excerpts with the matched words marked, and code excerpts with line numbers."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from app.bot.full_text import fold_query, parse_terms
from app.immutable import immutable
from app.unicode import cut_words

EXCERPT_CHARS = 160
# Words shown before the first mark.
LEAD_CHARS = 40
_STEP_MARKS = re.compile(r"(\*\*[^*]+\*\*|`[^`]+`)")


def render_excerpt(text: str, search: str) -> Markup:
    """Return the part of a text around the first hit, all hits in it marked; everything else escaped."""
    spans = _spans(text, search)
    start = max(spans[0][0] - LEAD_CHARS, 0) if spans else 0
    if start:
        start = text.rfind(" ", 0, start) + 1
    end = min(start + EXCERPT_CHARS, len(text))
    shown = Markup("…") if start else Markup()
    at = start
    for first, last in spans:
        if first >= end:
            break
        shown += escape(text[at:first]) + Markup("<mark>{}</mark>").format(text[first : min(last, end)])
        at = min(last, end)
    return shown + escape(text[at:end]) + ("…" if end < len(text) else "")


def render_step(text: str) -> Markup:
    """Return an instruction with `**names**` strong and `` `words` `` as code; everything else escaped."""
    shown = Markup()
    for piece in _STEP_MARKS.split(text):
        if piece.startswith("**") and piece.endswith("**"):
            shown += Markup("<strong>{}</strong>").format(piece[2:-2])
        elif piece.startswith("`") and piece.endswith("`"):
            shown += Markup("<code>{}</code>").format(piece[1:-1])
        else:
            shown += escape(piece)
    return shown


def _spans(text: str, search: str) -> list[tuple[int, int]]:
    """Return where terms are, in order and apart."""
    folded, terms = fold_query(text), parse_terms(search)
    if terms:
        words = cut_words(folded.text)
        found = [place for term in terms for place in term.phrase.find_places(words)]
    else:
        wanted = fold_query(search.strip()).text or "\0"
        found = [(m.start(), m.end()) for m in re.finditer(re.escape(wanted), folded.text)]
    apart: list[tuple[int, int]] = []
    for start, end in sorted((folded.find_start(start), folded.find_end(end)) for start, end in found):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


_NUMBERED = re.compile(r"\s*(\d+):? ?(.*)", re.DOTALL)


@immutable
class CodeLine:
    """One line of an excerpt; on the faulty one `marked` is the part that went wrong, all of it when unknown."""

    number: int
    before: str
    marked: str = ""
    after: str = ""
    faulty: bool = False


def parse_code_lines(
    excerpt: Sequence[str], line: int | None, column: int | None = None, end_column: int | None = None
) -> list[CodeLine]:
    """Read an excerpt of lines such as `12: text`; columns count from 1, the end is not part of it."""
    read = (_NUMBERED.fullmatch(each) for each in excerpt)
    numbered = [(int(found[1]), found[2]) for found in read if found]
    return [
        _mark_line(number, text, column, end_column) if number == line else CodeLine(number, text)
        for number, text in numbered
    ]


def _mark_line(number: int, text: str, column: int | None, end_column: int | None) -> CodeLine:
    start = len(text) - len(text.lstrip()) if column is None else min(max(column - 1, 0), len(text))
    end = len(text) if column is None else min(max((end_column or column) - 1, start), len(text))
    if column is not None and end - start <= 1:
        end = _find_word_end(text, start)
    return CodeLine(number, text[:start], text[start:end], text[end:], faulty=True)


def _find_word_end(text: str, start: int) -> int:
    """Mark a whole name where only its beginning is known: one underlined letter is hard to find."""
    found = re.compile(r"[\w.]+|.?").match(text, start)
    return found.end() if found else start
