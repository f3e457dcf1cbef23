"""The lines around an error, cut so that the faulty place can be marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBERED = re.compile(r"\s*(\d+):? ?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of an excerpt; on the faulty one `marked` is the part that went wrong, all of it when unknown."""

    number: int
    before: str
    marked: str = ""
    after: str = ""
    faulty: bool = False


def code_lines(
    excerpt: Sequence[str], line: int | None, column: int | None = None, end_column: int | None = None
) -> list[CodeLine]:
    """Read an excerpt of lines such as `12: text`; columns count from 1, the end is not part of it."""
    read = (_NUMBERED.fullmatch(each) for each in excerpt)
    numbered = [(int(found[1]), found[2]) for found in read if found]
    return [
        _marked(number, text, column, end_column) if number == line else CodeLine(number, text)
        for number, text in numbered
    ]


def _marked(number: int, text: str, column: int | None, end_column: int | None) -> CodeLine:
    start = len(text) - len(text.lstrip()) if column is None else min(max(column - 1, 0), len(text))
    end = len(text) if column is None else min(max((end_column or column) - 1, start), len(text))
    if column is not None and end - start <= 1:
        end = _word_end(text, start)
    return CodeLine(number, text[:start], text[start:end], text[end:], faulty=True)


def _word_end(text: str, start: int) -> int:
    """Mark a whole name where only its beginning is known: one underlined letter is hard to find."""
    found = re.compile(r"[\w.]+|.?").match(text, start)
    return found.end() if found else start
