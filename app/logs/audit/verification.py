"""Verification of the audit: entries, the chain's head, its keys, the anchor and the triggers; what is wrong, named."""

from collections.abc import Callable

from sqlalchemy import Connection, inspect, select, text

from app.logs.audit.anchor import Anchor, AnchorFile, UnreadableAnchor
from app.logs.audit.chain import KeyRing
from app.logs.audit.entry_check import Entry, EntryCheck, Keys
from app.logs.audit.finding import Finding, FindingKind
from app.logs.audit.models import AuditEntry, AuditHead
from app.logs.audit.stored_values import Unreadable

TABLES = ("audit_entry", "audit_head", "audit_key")
_TRIGGERS = {
    "sqlite": "SELECT count(*) = 3 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
    "postgresql": (
        "SELECT count(*) = 1 FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass "
        "AND tgname = 'audit_entry_kept' AND tgenabled <> 'D'"
    ),
}


def verify(
    db: Connection, keys: KeyRing, anchor: AnchorFile, tell: Callable[[int], None] | None = None
) -> list[Finding]:
    """Return what is wrong with the audit, by the numbers of the entries; nothing when it is as it was written.

    `db` is a connection without a transaction. `tell` hears now and then how many entries are checked.
    """
    # Before the database is looked at: what is written meanwhile would be in the file, and not in what `db` sees.
    known, findings = _read_anchor(anchor)
    there = set(inspect(db).get_table_names())
    if not there.issuperset(TABLES):
        return [Finding(FindingKind.DROPPED)]
    opened = keys.load_keys(db)
    row = db.execute(select(AuditHead.number, AuditHead.hash)).first()
    is_head_readable = row is None or not any(isinstance(value, Unreadable) for value in row)
    head = (row.number, row.hash) if row and is_head_readable else None
    check = EntryCheck(db, opened, head)
    check.run(tell)
    if check.last is None:
        findings += _check_empty(head, known)
    else:
        if is_head_readable:
            findings += _check_head(head, check.last, has_inserted=_has_inserted(check.findings))
        else:
            findings.append(Finding(FindingKind.HEAD_ALTERED))
        findings += _check_anchor(db, known, check.last, opened)
        if known is None and not findings:
            findings.append(Finding(FindingKind.ANCHOR_REMOVED))
    if not db.scalar(text(_TRIGGERS[db.dialect.name])):
        findings.append(Finding(FindingKind.UNPROTECTED))
    return [*_name_rehashed(check.findings, findings), *findings]


def _name_rehashed(entries: list[Finding], others: list[Finding]) -> list[Finding]:
    """Call altered entries hashed without the key where the anchor knows another hash: they were linked anew."""
    anchored = {finding.first for finding in others if finding.kind == FindingKind.REWRITTEN}
    return [
        Finding(FindingKind.REHASHED, each.first, each.last)
        if each.kind == FindingKind.ALTERED and any(each.first <= number <= each.last for number in anchored)
        else each
        for each in entries
    ]


def _read_anchor(anchor: AnchorFile) -> tuple[Anchor | None, list[Finding]]:
    try:
        return anchor.read(), []
    except UnreadableAnchor:
        return None, [Finding(FindingKind.ANCHOR_ALTERED)]


def _has_inserted(findings: list[Finding]) -> bool:
    kinds = {finding.kind for finding in findings}
    return bool(kinds & {FindingKind.INSERTED, FindingKind.DUPLICATED, FindingKind.RENUMBERED})


def _check_empty(head: tuple[int, str] | None, known: Anchor | None) -> list[Finding]:
    last = max(head[0] if head else 0, known.number if known else 0)
    return [Finding(FindingKind.EMPTIED, 1, last)] if last else []


def _check_head(head: tuple[int, str] | None, last: Entry, *, has_inserted: bool) -> list[Finding]:
    if head is None:
        return [Finding(FindingKind.HEAD_REMOVED)]
    number, digest = head
    if number > last["number"]:
        # A head that names more than there ever was differs from the last entry in its hash as well.
        return [Finding(FindingKind.TRUNCATED, last["number"] + 1, number)]
    if has_inserted or (number == last["number"] and digest == last["hash"]):
        return []
    return [Finding(FindingKind.HEAD_ALTERED)]


def _check_anchor(db: Connection, known: Anchor | None, last: Entry, keys: Keys) -> list[Finding]:
    if known is None:
        return []
    opened = [key for key in keys.values() if key]
    if opened and not any(known.is_sealed_by(key) for key in opened):
        return [Finding(FindingKind.ANCHOR_ALTERED)]
    if known.number > last["number"]:
        return [Finding(FindingKind.TRUNCATED_WITH_HEAD, last["number"] + 1, known.number)]
    found = db.scalar(select(AuditEntry.hash).where(AuditEntry.number == known.number))
    if found is not None and found != known.hash:
        return [Finding(FindingKind.REWRITTEN, known.number, known.number)]
    return []
