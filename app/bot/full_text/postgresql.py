# ruff: noqa: S608  every word of these statements is our own
"""PostgreSQL's part of the full-text index: tables of tsvectors, triggers, a list of rows that Python must cut.

Rows of plain ASCII are indexed at once. The others are listed in `unindexed_text`, and indexed by a job a moment later;
a search reads them itself until then.
"""

from collections.abc import Iterable
from typing import Final

from app.bot.full_text.kinds import KINDS, Kind

_SEPARATORS: Final = "./-_@:,;!?()[]{}+*#&=|~^<>'\"\\"
# PostgreSQL keeps no place beyond this one.
_MAX_PLACE: Final = 16_383

# For ASCII only: what parts words there parts them everywhere, whatever PostgreSQL takes for an address or a number.
_WORDS_IN: Final = f"""
CREATE OR REPLACE FUNCTION words_in(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
SELECT to_tsvector('simple', translate(said, $marks${_SEPARATORS}$marks$, repeat(' ', {len(_SEPARATORS)})))
$body$
"""


def list_statements() -> list[str]:
    """Return the statements that create the indexes and their triggers; the table `unindexed_text` is there."""
    return [_WORDS_IN, *(statement for kind in KINDS for statement in _list_kind_statements(kind))]


def list_replacements() -> list[str]:
    """Return the statements that give present tables of words the functions and triggers of now."""
    return [_WORDS_IN, *(statement for kind in KINDS for statement in _list_replacements(kind))]


def is_cut_by_python(kind: Kind, row: str) -> str:
    """Return the condition for rows whose words only Python can cut."""
    text = kind.text.format(row=row)
    beyond_ascii = f"octet_length({text}) <> length({text})"
    return f"({kind.is_structured.format(row=row)} OR {beyond_ascii})" if kind.is_structured else beyond_ascii


def list_fillings(kind: Kind, where: str) -> list[str]:
    """Return the statements that index older rows, and list those that Python must cut."""
    row = kind.name
    python = is_cut_by_python(kind, row)
    source = f"FROM {row} WHERE {where} AND {kind.has.format(row=row)}"
    return [
        (
            f"INSERT INTO words_{row} SELECT {row}.id, words_in({_join_words(kind, row)}) {source} AND NOT ({python})"
            " ON CONFLICT (id) DO NOTHING"
        ),
        (
            f"INSERT INTO unindexed_text (kind, row_id) SELECT '{row}', {row}.id {source} AND ({python})"
            " ON CONFLICT DO NOTHING"
        ),
    ]


def build_tsvector(words: Iterable[str]) -> str:
    """Return the words of a row as the text of a tsvector; they hold neither quotes nor backslashes."""
    return " ".join(f"'{word}':{min(place, _MAX_PLACE)}" for place, word in enumerate(words, 1))


def _list_kind_statements(kind: Kind) -> list[str]:
    name = kind.name
    return [
        f"CREATE TABLE words_{name} (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"CREATE INDEX ix_words_{name} ON words_{name} USING gin (words)",
        *_list_replacements(kind),
    ]


def _list_replacements(kind: Kind) -> list[str]:
    statements = [_build_function(kind)]
    for moment in ("insert", "update", "delete"):
        statements.append(f"DROP TRIGGER IF EXISTS words_{kind.name}_{moment} ON {kind.name}")
        statements.append(_build_trigger(kind, moment))
    return statements


def _build_function(kind: Kind) -> str:
    words = _join_words(kind, "NEW")
    return f"""
CREATE OR REPLACE FUNCTION words_{kind.name}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN DELETE FROM words_{kind.name} WHERE id = OLD.id; END IF;
  IF TG_OP <> 'DELETE' THEN
    IF {kind.has.format(row="NEW")} THEN
      IF {is_cut_by_python(kind, "NEW")} THEN
        INSERT INTO unindexed_text (kind, row_id) VALUES ('{kind.name}', NEW.id) ON CONFLICT DO NOTHING;
      ELSE
        INSERT INTO words_{kind.name} VALUES (NEW.id, words_in({words}));
      END IF;
    END IF;
  END IF;
  RETURN NULL;
END $$"""


def _join_words(kind: Kind, row: str) -> str:
    return f"{kind.text.format(row=row)} || ' ' || {kind.digits.format(row=row)}"


def _build_trigger(kind: Kind, moment: str) -> str:
    event_of = f"UPDATE OF {kind.columns}" if moment == "update" else moment.upper()
    # Not even called for rows without words.
    when = f" WHEN ({kind.has.format(row='NEW')})" if moment == "insert" else ""
    return (
        f"CREATE TRIGGER words_{kind.name}_{moment} AFTER {event_of} ON {kind.name} FOR EACH ROW{when}"
        f" EXECUTE FUNCTION words_{kind.name}_kept()"
    )
