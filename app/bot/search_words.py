"""What somebody types into a search field, as words to look up: all of it literal, nothing of it syntax.

Every word finds words that begin with it; "quoted words" must stand together as they are.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, column, select, table, text
from sqlalchemy.orm import Session

MAX_TERMS = 10
_GIVEN = re.compile(r'"([^"]*)"?|([^\s"]+)')
_TOKEN = re.compile(r"[^\W_]+")
# Fewer digits than this are in every phone number.
MIN_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Term:
    """One word or quoted phrase: as given, its parts in plain letters, and whether longer words count too."""

    given: str
    parts: tuple[str, ...]
    open_end: bool


def terms_of(search: str) -> list[Term]:
    """Read what was typed; words without a letter or a digit are left out."""
    found: list[Term] = []
    for phrase, word in _GIVEN.findall(search.replace("\0", " ")):
        given = phrase or word
        parts = tuple(_TOKEN.findall(plain(given)))
        if parts:
            found.append(Term(given, parts, open_end=bool(word)))
    return found[:MAX_TERMS]


def person_terms(search: str) -> list[Term]:
    """Read what was typed as a name or a phone number, whose digits may be written apart."""
    digits = re.sub(r"\D", "", search)
    terms = terms_of(search)
    if not all(part.isdigit() for term in terms for part in term.parts):
        return terms
    return [Term(digits, (digits,), open_end=True)] if len(digits) >= MIN_DIGITS else []


def plain(given: str) -> str:
    """Return text in small letters without accents, vowel signs of Arabic and stretched letters."""
    letters = unicodedata.normalize("NFKD", given.lower())
    return "".join(each for each in letters if not _is_mark(each))


def _is_mark(letter: str) -> bool:
    return "\u0300" <= letter <= "\u036f" or "\u064b" <= letter <= "\u065f" or letter == "\u0640"


def matching(session: Session, kind: str, terms: Sequence[Term]) -> tuple[Select[int], Any]:
    """Return a query for the ids of rows of a kind (message | contact | note) with all terms, and its id column."""
    if session.get_bind().dialect.name == "sqlite":
        index = table(f"words_{kind}", column("rowid"))
        asked = " ".join(_fts5(term) for term in terms)
        return select(index.c.rowid).where(
            text(f"words_{kind} MATCH :asked").bindparams(asked=asked)
        ), index.c.rowid
    index = table(f"words_{kind}", column("id"))
    asked = " & ".join(_tsquery(term) for term in terms)
    return select(index.c.id).where(
        text("words @@ CAST(:asked AS tsquery)").bindparams(asked=asked)
    ), index.c.id


def _fts5(term: Term) -> str:
    quoted = '"' + term.given.replace('"', '""') + '"'
    return f"{quoted}*" if term.open_end else quoted


def _tsquery(term: Term) -> str:
    *first, last = (f"'{part}'" for part in term.parts)
    return "(" + " <-> ".join([*first, f"{last}:*" if term.open_end else last]) + ")"
