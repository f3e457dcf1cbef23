"""Check of the audit for `flask doctor`: one line when it is sound, one for each thing that is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from app.logs.audit.auditor import Auditor
from app.logs.audit.finding import MAX_NAMED, FindingKind
from app.logs.audit.models import AuditEntry
from app.logs.audit.reading import AuditFilter, list_entries
from app.logs.audit.stored_values import Unreadable
from app.services import services

# The action of the entry that accepting leaves.
ACCEPTED: Final = "audit accepted"
ACCEPT: Final = "flask --app wsgi audit accept --reason TEXT"
_REMEDIES: Final = {
    FindingKind.DROPPED: "Restore a backup; to begin anew: flask --app wsgi db upgrade",
    FindingKind.UNPROTECTED: "Find out who took them away; to put them back, see docs/audit.md",
    FindingKind.KEY_UNREADABLE: "Put the former key into SECRET_KEYS_OLD.",
    FindingKind.ANCHOR_REMOVED: f"Put the file back; if it cannot be had: {ACCEPT}",
    FindingKind.TRUNCATED_WITH_HEAD: f"If an older backup was restored: {ACCEPT}",
}
_REMEDY: Final = "Compare with a backup and with the log lines that sinks have, see docs/audit.md"


def check_audit() -> Iterator[tuple[bool, str, str]]:
    """Yield whether a part is sound, what was found, and the remedy."""
    findings = services().get(Auditor).verify()
    if not findings:
        yield True, " ".join(["every entry is as it was written", *list_accepted()]), ""
    if len(findings) > MAX_NAMED:
        yield (
            False,
            f"{len(findings)} findings, of which the first are named here",
            "flask --app wsgi audit verify",
        )
    for finding in findings[:MAX_NAMED]:
        yield False, f"{finding.kind}: {finding.text}", _REMEDIES.get(finding.kind, _REMEDY)


def list_accepted() -> list[str]:
    """Return in a sentence each when, by whom and why a chain with findings was accepted, the newest first."""
    with services().database.read() as session:
        entries = list_entries(session, AuditFilter(action=ACCEPTED), MAX_NAMED).entries
        return [_describe_accepted(entry) for entry in entries]


def _describe_accepted(entry: AuditEntry) -> str:
    is_readable = not isinstance(entry.at, Unreadable)
    day = f"{datetime.fromtimestamp(entry.at / 1000, UTC):%Y-%m-%d %H:%M} UTC" if is_readable else "unknown"
    changes = [] if isinstance(entry.changes, Unreadable) else entry.changes
    before, after = ((changes[0].get(side) if changes else None) or {} for side in ("before", "after"))
    what = " ".join(map(str, before.get("findings") or ())) or "Nothing was found then."
    who, why = entry.actor_name or entry.actor_kind, after.get("reason", "")
    return f"Accepted by entry {entry.number} on {day} by {who}, because: {why}. {what}"
