"""words of the full-text index are cut in Python, which a list of rows waits for; the present rows are indexed anew

Revision: 0017, after 0016. The rows are indexed by a job while messages come in.
"""

# ruff: noqa: S608  every word of these statements is our own
import sqlalchemy as sa
from alembic import op
from app.bot import full_text

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'unindexed_text',
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('row_id', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint('kind', 'row_id', name=op.f('pk_unindexed_text')),
    )
    full_text.replace_index(op.get_bind())


def downgrade() -> None:
    db = op.get_bind()
    full_text.drop_index(db)
    op.drop_table('unindexed_text')
    for statement in _list_statements(db):
        db.exec_driver_sql(statement)


# The index as the versions before this migration read it.
# Phone numbers are found by any digits in a row: each of their ends is a word.
_PHONE_SUFFIXES = " || ' ' || ".join(f"substr(coalesce({{row}}.phone, ''), {n})" for n in range(1, 13))
# Kind -> the words of a row, and which rows have any.
_KINDS = {
    "message": ("{row}.text", "{row}.text <> '' AND {row}.kind NOT IN ('reaction', 'edit', 'revoke')"),
    "contact": (f"{{row}}.name || ' ' || {{row}}.username || ' ' || {_PHONE_SUFFIXES}", "{row}.id > 0"),
    "note": ("{row}.text", "{row}.deleted_at IS NULL"),
}
# The columns whose change changes the words.
_INDEXED_COLUMNS = {"message": "text", "contact": "name, username, phone", "note": "text, deleted_at"}
_SEPARATORS = "./-_@:,;!?()[]{}+*#&=|~^<>'\"\\"
INDEXED_COUNTER = "words.message"
_LAST_INDEXED = f"(SELECT n FROM counter WHERE name = '{INDEXED_COUNTER}')"
_NEWEST = "(SELECT coalesce(max(id), 0) FROM message)"


def _list_statements(db: sa.Connection) -> list[str]:
    if db.dialect.name == "sqlite":
        marked = f"INSERT INTO counter (name, n) VALUES ('{INDEXED_COUNTER}', 0)"
        return [marked, *(each for kind in _KINDS for each in _list_sqlite_statements(kind))]
    return [_WORDS_IN, *(each for kind in _KINDS for each in _list_postgresql_statements(kind))]


def _list_sqlite_statements(kind: str) -> list[str]:
    words, has = _KINDS[kind]
    late = kind == "message"
    # A message that was not taken in yet has nothing to be taken out.
    known = f" AND old.id <= {_LAST_INDEXED}" if late else ""
    take = (
        f"INSERT INTO words_{kind}(words_{kind}, rowid, words)"
        f" SELECT 'delete', old.id, {words.format(row='old')} WHERE {has.format(row='old')}{known}"
    )
    put = (
        f"INSERT INTO words_{kind}(rowid, words)"
        f" SELECT new.id, {words.format(row='new')} WHERE {has.format(row='new')}"
    )
    # SQLite gives the id of a deleted newest row again.
    back = f"; UPDATE counter SET n = min(n, {_NEWEST}) WHERE name = '{INDEXED_COUNTER}'" if late else ""
    fill = (
        f"INSERT INTO words_{kind}(rowid, words) SELECT {kind}.id, {words.format(row=kind)} FROM {kind}"
        f" WHERE {has.format(row=kind)}"
    )
    made = [
        (
            f"CREATE VIRTUAL TABLE words_{kind} USING fts5(words, content='', columnsize=0,"
            " tokenize='unicode61 remove_diacritics 2')"
        ),
        # Merging less often halves what a message costs; a search reads a few segments more.
        f"INSERT INTO words_{kind}(words_{kind}, rank) VALUES ('automerge', 8)",
        f"INSERT INTO words_{kind}(words_{kind}, rank) VALUES ('crisismerge', 64)",
        (
            f"CREATE TRIGGER words_{kind}_update AFTER UPDATE OF {_INDEXED_COLUMNS[kind]} ON {kind}"
            f" BEGIN {take}; {put}{known}; END"
        ),
        f"CREATE TRIGGER words_{kind}_delete AFTER DELETE ON {kind} BEGIN {take}{back}; END",
    ]
    if not late:
        made += [f"CREATE TRIGGER words_{kind}_insert AFTER INSERT ON {kind} BEGIN {put}; END", fill]
    return made


# Marks between letters part words, as they do on SQLite; letters beyond ASCII lose their accents.
_WORDS_IN = f"""
CREATE OR REPLACE FUNCTION words_in(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT to_tsvector('simple', translate(
  CASE WHEN octet_length(said) = length(said) THEN said
  ELSE regexp_replace(normalize(said, NFKD), '[\\u0300-\\u036f\\u0640\\u064b-\\u065f]', '', 'g') END,
  $marks${_SEPARATORS}$marks$, repeat(' ', {len(_SEPARATORS)})))
$$
"""


def _list_postgresql_statements(kind: str) -> list[str]:
    words, has = _KINDS[kind]
    return [
        f"CREATE TABLE words_{kind} (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"CREATE INDEX ix_words_{kind} ON words_{kind} USING gin (words)",
        f"""
CREATE OR REPLACE FUNCTION words_{kind}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN DELETE FROM words_{kind} WHERE id = OLD.id; END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO words_{kind} SELECT NEW.id, words_in({words.format(row="NEW")}) WHERE {has.format(row="NEW")};
  END IF;
  RETURN NULL;
END $$""",
        *(_build_postgresql_trigger(kind, moment) for moment in ("insert", "update", "delete")),
        (
            f"INSERT INTO words_{kind} SELECT {kind}.id, words_in({words.format(row=kind)}) FROM {kind}"
            f" WHERE {has.format(row=kind)}"
        ),
    ]


def _build_postgresql_trigger(kind: str, moment: str) -> str:
    event_of = f"UPDATE OF {_INDEXED_COLUMNS[kind]}" if moment == "update" else moment.upper()
    # Not even called for rows without words.
    when = f" WHEN ({_KINDS[kind][1].format(row='NEW')})" if moment == "insert" else ""
    return (
        f"CREATE TRIGGER words_{kind}_{moment} AFTER {event_of} ON {kind} FOR EACH ROW{when}"
        f" EXECUTE FUNCTION words_{kind}_kept()"
    )
