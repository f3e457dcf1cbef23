"""Verification: what was done to the audit is named, on both databases, by somebody who has all but the key."""

# ruff: noqa: S608  our own words
import json
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from app.db.writer import Database
from app.logs.audit.anchor import AnchorFile
from app.logs.audit.auditor import attach_auditor
from app.logs.audit.chain import KeyRing
from app.logs.audit.finding import Finding, FindingKind
from app.logs.audit.verification import verify
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock
from tests.logs.audit.conftest import add_labels

Tamper = Callable[[Connection, AnchorFile], None]
FORGED = "f" * 64
K = FindingKind


def sql(*statements: str) -> Tamper:
    def run(db: Connection, _anchor: AnchorFile) -> None:
        for statement in statements:
            db.execute(text(statement))

    return run


def move(first: int, last: int, by: int) -> list[str]:
    """Return statements that give the entries from first to last other numbers, by way of negative ones."""
    where = f"number BETWEEN {first} AND {last}"
    return [
        f"UPDATE audit_entry SET number = -number WHERE {where}",
        f"UPDATE audit_entry SET number = -number + {by} WHERE number < 0",
    ]


def set_head(number: int, digest: str = "") -> str:
    found = (digest and f"'{digest}'") or f"(SELECT hash FROM audit_entry WHERE number = {number})"
    return f"UPDATE audit_head SET number = {number}, hash = {found}"


COPIED = (
    "at, actor_kind, actor_id, actor_name, address, action, subject_kind, subject_id, subject_name, changes, "
)
COPIED += "request_id, key_id"


def copy_entry(source: int, number: int, previous: str, digest: str) -> str:
    return (
        f"INSERT INTO audit_entry (number, {COPIED}, previous, hash) "
        f"SELECT {number}, {COPIED}, {previous}, {digest} FROM audit_entry WHERE number = {source}"
    )


def rehash(first: int, last: int) -> list[str]:
    """Return statements that link the entries from first to last anew, by hashes that need no key."""
    statements = []
    for number in range(first, last + 1):
        digest = f"{number:064x}"
        statements.append(f"UPDATE audit_entry SET hash = '{digest}' WHERE number = {number}")
        statements.append(f"UPDATE audit_entry SET previous = '{digest}' WHERE number = {number + 1}")
    return [*statements, set_head(10)]


def write_anchor(_db: Connection, anchor: AnchorFile) -> None:
    known = json.loads(anchor.path.read_text())
    anchor.path.write_text(json.dumps({**known, "number": 3}))


def remove_anchor(_db: Connection, anchor: AnchorFile) -> None:
    anchor.path.unlink()


def break_anchor(_db: Connection, anchor: AnchorFile) -> None:
    anchor.path.write_text("{}")


FORGED_AFTER = copy_entry(10, 11, "hash", f"'{FORGED}'")
FORGED_BETWEEN = copy_entry(9, 5, "(SELECT hash FROM audit_entry WHERE number = 4)", f"'{FORGED}'")
CASES: dict[str, tuple[Tamper, list[Finding]]] = {
    "action changed": (sql("UPDATE audit_entry SET action = 'x' WHERE number = 5"), [Finding(K.ALTERED, 5, 5)]),
    "actor changed": (sql("UPDATE audit_entry SET actor_id = 8 WHERE number = 5"), [Finding(K.ALTERED, 5, 5)]),
    "actor's kind changed": (
        sql("UPDATE audit_entry SET actor_kind = 'system', actor_id = NULL WHERE number = 1"),
        [Finding(K.ALTERED, 1, 1)],
    ),
    "address removed": (sql("UPDATE audit_entry SET address = NULL WHERE number = 5"), [Finding(K.ALTERED, 5, 5)]),
    "subject changed": (sql("UPDATE audit_entry SET subject_id = '1' WHERE number = 5"), [Finding(K.ALTERED, 5, 5)]),
    "before and after changed": (
        sql("UPDATE audit_entry SET changes = '[]' WHERE number = 5"),
        [Finding(K.ALTERED, 5, 5)],
    ),
    "request changed": (
        sql("UPDATE audit_entry SET request_id = 'other' WHERE number IN (4, 5)"),
        [Finding(K.ALTERED, 4, 5)],
    ),
    "last entry changed": (sql("UPDATE audit_entry SET action = 'x' WHERE number = 10"), [Finding(K.ALTERED, 10, 10)]),
    "time moved backwards": (
        sql("UPDATE audit_entry SET at = at - 90000 WHERE number = 5"),
        [Finding(K.TIME_MOVED, 5, 5)],
    ),
    "entry removed": (sql("DELETE FROM audit_entry WHERE number = 5"), [Finding(K.REMOVED, 5, 5)]),
    "entries removed": (sql("DELETE FROM audit_entry WHERE number IN (4, 5, 6)"), [Finding(K.REMOVED, 4, 6)]),
    "beginning removed": (sql("DELETE FROM audit_entry WHERE number < 4"), [Finding(K.BEGINNING_REMOVED, 1, 3)]),
    "end cut": (
        sql("DELETE FROM audit_entry WHERE number > 7"),
        [Finding(K.TRUNCATED, 8, 10), Finding(K.TRUNCATED_WITH_HEAD, 8, 10)],
    ),
    "end cut with the head": (
        sql("DELETE FROM audit_entry WHERE number > 7", set_head(7)),
        [Finding(K.TRUNCATED_WITH_HEAD, 8, 10)],
    ),
    "emptied": (sql("DELETE FROM audit_entry"), [Finding(K.EMPTIED, 1, 10)]),
    "emptied with the head": (
        sql("DELETE FROM audit_entry", "DELETE FROM audit_head"),
        [Finding(K.EMPTIED, 1, 10)],
    ),
    "table dropped": (sql("DROP TABLE audit_entry"), [Finding(K.DROPPED)]),
    "entry inserted": (
        sql(*move(5, 10, 1), FORGED_BETWEEN, set_head(11)),
        [Finding(K.INSERTED, 5, 5), Finding(K.RENUMBERED, 6, 11), Finding(K.REWRITTEN, 10, 10)],
    ),
    "entry added at the end": (sql(FORGED_AFTER), [Finding(K.INSERTED, 11, 11)]),
    "entry added at the end with the head": (
        sql(FORGED_AFTER.replace(", hash, '", ", (SELECT hash FROM audit_entry WHERE number = 10), '"), set_head(11)),
        [Finding(K.ALTERED, 11, 11)],
    ),
    "two changed places": (
        sql(*move(5, 5, 95), *move(6, 6, -1), *move(100, 100, -94)),
        [Finding(K.REORDERED, 5, 6)],
    ),
    "entry renumbered": (
        sql(*move(10, 10, 5)), [Finding(K.REMOVED, 10, 14), Finding(K.RENUMBERED, 15, 15)]
    ),
    "entry doubled": (sql(copy_entry(5, 11, "previous", "hash")), [Finding(K.DUPLICATED, 11, 11)]),
    "link changed": (
        sql(f"UPDATE audit_entry SET previous = '{FORGED}' WHERE number = 5"),
        [Finding(K.LINK_ALTERED, 5, 5)],
    ),
    "hash replaced": (sql(f"UPDATE audit_entry SET hash = '{FORGED}' WHERE number = 5"), [Finding(K.REHASHED, 5, 5)]),
    "hashed anew to the end": (sql(*rehash(5, 10)), [Finding(K.REHASHED, 5, 10), Finding(K.REWRITTEN, 10, 10)]),
    "head's number changed": (sql("UPDATE audit_head SET number = 8"), [Finding(K.HEAD_ALTERED)]),
    "head's hash changed": (sql(f"UPDATE audit_head SET hash = '{FORGED}'"), [Finding(K.HEAD_ALTERED)]),
    "head removed": (sql("DELETE FROM audit_head"), [Finding(K.HEAD_REMOVED)]),
    "key removed": (sql("DELETE FROM audit_key"), [Finding(K.KEY_REMOVED, 1, 10)]),
    "key changed": (sql("UPDATE audit_key SET sealed = 'x'"), [Finding(K.KEY_UNREADABLE, 1, 10)]),
    "anchor changed": (write_anchor, [Finding(K.ANCHOR_ALTERED)]),
    "anchor overwritten": (break_anchor, [Finding(K.ANCHOR_ALTERED)]),
    "anchor removed": (remove_anchor, [Finding(K.ANCHOR_REMOVED)]),
}  # fmt: skip


def check(database: Database, keys: KeyRing, anchor: AnchorFile) -> list[Finding]:
    with database.engine.connect() as db:
        return verify(db, keys, anchor)


def drop_triggers(database: Database) -> list[str]:
    if database.engine.dialect.name == "sqlite":
        return [f"DROP TRIGGER {name}" for name in ("audit_entry_kept", "audit_entry_stays")]
    return ["DROP TRIGGER audit_entry_kept ON audit_entry"]


@pytest.mark.parametrize("case", CASES)
def test_what_was_done_to_the_audit_is_named(
    audited: Database, keys: KeyRing, anchor: AnchorFile, clock: Clock, case: str
):
    add_labels(audited, clock)
    assert check(audited, keys, anchor) == []
    tamper, expected = CASES[case]
    with audited.engine.begin() as db:
        for statement in drop_triggers(audited):
            db.execute(text(statement))
        tamper(db, anchor)
    found = check(audited, keys, anchor)
    unprotected = [] if case == "table dropped" else [Finding(K.UNPROTECTED)]
    assert found == [*expected, *unprotected]
    assert all(finding.text for finding in found)


def test_triggers_that_are_gone_are_named(audited: Database, keys: KeyRing, anchor: AnchorFile, clock: Clock):
    add_labels(audited, clock, 1)
    with audited.engine.begin() as db:
        for statement in drop_triggers(audited):
            db.execute(text(statement))
    assert check(audited, keys, anchor) == [Finding(K.UNPROTECTED)]


def test_a_history_written_anew_by_the_installation_itself_is_known_by_the_anchor(
    audited: Database, keys: KeyRing, anchor: AnchorFile, clock: Clock
):
    add_labels(audited, clock, 5)
    with audited.engine.begin() as db:
        for statement in drop_triggers(audited):
            db.execute(text(statement))
        db.execute(text("DELETE FROM audit_entry"))
        db.execute(text("DELETE FROM audit_head"))
    add_labels(audited, clock, 8, start=20)
    assert Finding(K.REWRITTEN, 5, 5) in check(audited, keys, anchor)


def test_a_former_secret_key_opens_the_entries_and_without_it_changes_go_on(
    audited: Database, settings: Settings, anchor: AnchorFile, clock: Clock
):
    add_labels(audited, clock, 3)
    rotated = settings.model_copy(
        update={"secret_key": "another one", "secret_keys_old": (settings.secret_key,)}
    )
    assert check(audited, KeyRing(Vault(rotated), clock), anchor) == []
    lost = settings.model_copy(update={"secret_key": "another one"})
    new_keys = KeyRing(Vault(lost), clock)
    assert check(audited, new_keys, anchor) == [Finding(K.KEY_UNREADABLE, 1, 3)]
    attach_auditor(audited, Vault(lost), anchor.path.parent, clock)
    add_labels(audited, clock, 1, start=4)
    assert check(audited, new_keys, anchor) == [Finding(K.KEY_UNREADABLE, 1, 3)]
