# ruff: noqa: S608  every word of these statements is our own
"""Queries of the full-text index: search terms (how many), and the rows that hold all of them."""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, column, select, table, text
from sqlalchemy.orm import Session

from app.bot.full_text.indexing import build_source, cut_row
from app.bot.full_text.kinds import KINDS, MESSAGE
from app.bot.full_text.sqlite import LAST_INDEXED
from app.immutable import immutable
from app.phone_numbers import list_spellings
from app.unicode import INDEX_OPTIONS, FoldedText, Phrase, Word, build_phrase, fold

MAX_TERMS: Final = 10
# Fewer digits than this are in every phone number.
MIN_DIGITS: Final = 3
# Rows that are not indexed yet, of which a search reads the newest itself.
MAX_UNINDEXED: Final = 1_000
# Phones put other quotes where " was typed.
_TERM: Final = re.compile('["“”„‟«»]([^"“”„‟«»]*)["“”„‟«»]?|([^\\s"“”„‟«»]+)')


@immutable
class Term:
    """One word or quoted phrase: as given, and what finds it."""

    given: str
    phrase: Phrase

    @property
    def tokens(self) -> tuple[str, ...]:
        """The words it consists of, folded."""
        return self.phrase.words

    def close_single_letter(self) -> "Term":
        """Let one letter stand for itself: it begins too many words."""
        words = self.phrase.words
        if len(words[-1]) > 1 or not words[-1].isascii():
            return self
        return Term(self.given, Phrase(words, is_open=False))


def fold_query(given: str) -> FoldedText:
    """Return a text as searches compare it."""
    return FoldedText(given, INDEX_OPTIONS)


def parse_terms(search: str) -> list[Term]:
    """Read what was typed; what has no letter, digit or picture is left out."""
    found: list[Term] = []
    for quoted, word in _TERM.findall(search.replace("\0", " ")):
        phrase = build_phrase(fold(quoted or word, INDEX_OPTIONS), is_open=bool(word))
        if phrase:
            found.append(Term(quoted or word, phrase))
    return found[:MAX_TERMS]


def parse_person_terms(search: str) -> list[list[Term]]:
    """Read what was typed as a name or a phone number, whose digits may be written apart; a list for each spelling."""
    digits = re.sub(r"\D", "", fold(search, INDEX_OPTIONS))
    terms = parse_terms(search)
    if not all(part.isdigit() for term in terms for part in term.tokens):
        return [terms] if terms else []
    spellings = list_spellings(digits) if len(digits) >= MIN_DIGITS else ()
    return [[Term(each, Phrase((each,), is_open=True))] for each in spellings]


def select_ids(session: Session, kind: str, terms: Sequence[Term]) -> tuple[Select[int], Any]:
    """Return a query for the ids of rows of a kind (message | contact | note) with all terms, and its id column."""
    if session.get_bind().dialect.name == "sqlite":
        index = table(f"words_{kind}", column("rowid"))
        asked = " ".join(_to_fts5(term.phrase) for term in terms)
        return select(index.c.rowid).where(
            text(f"words_{kind} MATCH :asked").bindparams(asked=asked)
        ), index.c.rowid
    index = table(f"words_{kind}", column("id"))
    asked = " & ".join(_to_tsquery(term.phrase) for term in terms)
    return select(index.c.id).where(
        text("words @@ CAST(:asked AS tsquery)").bindparams(asked=asked)
    ), index.c.id


def select_unindexed(session: Session, name: str, terms: Sequence[Term]) -> list[int]:
    """Return the ids of rows with all terms among those that came a moment ago, the newest first."""
    kind = next(each for each in KINDS if each.name == name)
    if session.get_bind().dialect.name == "sqlite":
        if kind is not MESSAGE:
            return []
        where = f"message.id > {LAST_INDEXED}"
    else:
        where = f"{name}.id IN (SELECT row_id FROM unindexed_text WHERE kind = '{name}')"
    newest = f"ORDER BY {name}.id DESC LIMIT {MAX_UNINDEXED}"
    query = f"{build_source(kind)} WHERE {where} AND {kind.has.format(row=name)} {newest}"
    return [
        row.id
        for row in session.execute(text(query))
        if _holds_all(terms, cut_row(row.text, row.digits, row.payload))
    ]


def _holds_all(terms: Sequence[Term], words: str) -> bool:
    cut = [Word(word, 0, len(word)) for word in words.split()]
    return all(next(term.phrase.find_places(cut), None) for term in terms)


def _to_fts5(phrase: Phrase) -> str:
    quoted = '"' + " ".join(phrase.words) + '"'
    return f"{quoted}*" if phrase.is_open else quoted


def _to_tsquery(phrase: Phrase) -> str:
    *first, last = (f"'{word}'" for word in phrase.words)
    return "(" + " <-> ".join([*first, f"{last}:*" if phrase.is_open else last]) + ")"
