"""Auditor: follows the jobs of the writer, and adds one entry to the chain in the transaction of each change."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import topics
from app.db.actor import Actor, ActorKind
from app.db.after_commit import call_after_commit, send_changed
from app.db.change_notes import ChangeNotes, begin_notes
from app.db.schema import Base, get_table
from app.db.statements import build_insert
from app.db.writer import Database
from app.logs.audit.anchor import AnchorFile, UnreadableAnchor
from app.logs.audit.chain import START, KeyRing, compute_hash
from app.logs.audit.finding import Finding
from app.logs.audit.models import KEPT_ACTION, KEPT_NAME, AuditEntry, AuditHead
from app.logs.audit.policies import AUDITED, TABLES_BY_KIND, TablePolicy
from app.logs.audit.row_follower import RowFollower
from app.logs.audit.row_values import describe_values, limit_changes, redact_name
from app.logs.audit.stored_values import LARGEST, Unreadable
from app.logs.audit.verification import verify
from app.vault import Vault

log = structlog.get_logger(__name__)

# The name under which handlers of the writer find the auditor among their connection's execution options.
OPTION: Final = "auditor"
_HEAD_ID: Final = 1
_RANKS: Final = {policy.kind: rank for rank, policy in enumerate(AUDITED.values())}


@dataclass(slots=True)
class EntryDraft:
    """What an entry will say; `subject` is kind, id and name."""

    actor: Actor
    action: str
    subject: tuple[str, str, str]
    changes: list[dict[str, Any]] = field(default_factory=list)


class Auditor:
    """Adds entries; `clock` in ms."""

    def __init__(self, engine: Engine, keys: KeyRing, anchor: AnchorFile, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._keys = keys
        self._anchor = anchor
        self._clock = clock

    @contextmanager
    def watch(self, session: Session, actor: Actor) -> Iterator[None]:
        """Follow a session's job, and add an entry when something audited has changed (app.db.writer.ChangeWatch)."""
        connection = session.connection()
        notes = begin_notes(connection)
        follower = RowFollower(session, notes)
        with follower.follow(connection):
            yield
        changes = list(_describe_changes(connection, follower))
        if changes or notes.is_event:
            self.add(connection, _build_draft(notes, actor, changes))

    def add(self, db: Connection, draft: EntryDraft) -> int:
        """Add an entry in the transaction of `db`, and return its number."""
        head = self._lock_head(db)
        key_id, key = self._keys.get_current(db)
        number = head[0] + 1
        actor = draft.actor
        entry: dict[str, Any] = {
            "number": number,
            "at": self._clock(),
            "actor_kind": str(actor.kind),
            "actor_id": actor.id,
            "actor_name": actor.name[:KEPT_NAME],
            "address": (actor.address or "")[:45] or None,
            "action": draft.action[:KEPT_ACTION],
            "subject_kind": draft.subject[0],
            "subject_id": draft.subject[1][:80],
            "subject_name": redact_name(draft.subject[0], draft.subject[2])[:KEPT_NAME],
            "changes": limit_changes([_screen_change(change) for change in draft.changes], key),
            "request_id": (actor.request_id or "")[:64] or None,
            "key_id": key_id,
            "previous": head[1],
        }
        entry["hash"] = compute_hash(key, entry, head[1])
        db.execute(insert(get_table(AuditEntry)), [entry])
        moved = update(get_table(AuditHead)).where(AuditHead.id == _HEAD_ID)
        db.execute(moved.values(number=number, hash=entry["hash"]))
        call_after_commit(db, lambda: self._note_commit(entry, key))
        send_changed(db, topics.audit())
        return number

    def accept(self, db: Connection, draft: EntryDraft) -> int:
        """Add an entry and anchor it, whatever the anchor said: what is in the database is accepted as it is."""
        number = self.add(db, draft)
        _, key = self._keys.get_current(db)
        digest = db.scalar(select(AuditEntry.hash).where(AuditEntry.number == number)) or START
        call_after_commit(db, lambda: self._anchor.replace(number, digest, key))
        return number

    def verify(self, tell: Callable[[int], None] | None = None) -> list[Finding]:
        """Return what is wrong with the audit; nothing when it is as it was written. `tell`: as in `verify`."""
        # What is written meanwhile is not seen: a head and entries of two moments do not fit each other.
        options = {} if self._engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._engine.connect().execution_options(**options) as db:
            return verify(db, self._keys, self._anchor, tell)

    def _lock_head(self, db: Connection) -> tuple[int, str]:
        """Lock the head until the end of the transaction, and return number and hash of the last entry."""
        query = select(AuditHead.number, AuditHead.hash).where(AuditHead.id == _HEAD_ID).with_for_update()
        head = db.execute(query).first()
        last = db.scalar(select(func.max(AuditEntry.number))) or 0
        if head is None:
            # The first entry; or somebody took the head away, which the chain goes on without.
            digest = db.scalar(select(AuditEntry.hash).where(AuditEntry.number == last)) or START
            row = {"id": _HEAD_ID, "number": last, "hash": digest}
            db.execute(build_insert(db, AuditHead).on_conflict_do_nothing(), [row])
            head = db.execute(query).one()
        # A number that is taken or none must not stop every change; what is wrong with the head, the check says.
        number = last if isinstance(head.number, Unreadable) else head.number
        return max(number if number < LARGEST else last, last), head.hash

    def _note_commit(self, entry: dict[str, Any], key: bytes) -> None:
        """Say in the log that an entry was committed, and anchor it (writer's thread)."""
        log.info(
            "audit",
            what=entry["action"],
            user=entry["actor_id"],
            actor=entry["actor_kind"],
            subject=f"{entry['subject_kind']} {entry['subject_id']}".strip(),
            number=entry["number"],
            hash=entry["hash"],
        )
        try:
            is_known = self._anchor.advance(entry["number"], entry["hash"], key, self._find_hash)
        except (OSError, UnreadableAnchor, SQLAlchemyError) as error:
            log.warning("audit not anchored", reason=type(error).__name__, file=str(self._anchor.path))
            return
        if not is_known:
            log.error("audit does not hold the anchored entry", remedy="flask --app wsgi doctor")

    def _find_hash(self, number: int) -> str | None:
        with self._engine.connect() as db:
            return db.scalar(select(AuditEntry.hash).where(AuditEntry.number == number))


def attach_auditor(database: Database, vault: Vault, data: Path, clock: Callable[[], int]) -> Auditor:
    """Let a database's writer be audited from now on; the anchor lies in the folder `data`, `clock` is in ms."""
    auditor = Auditor(database.engine, KeyRing(vault, clock), AnchorFile(data), clock)
    database.watch = auditor.watch
    database.writer.options[OPTION] = auditor
    return auditor


def _describe_changes(db: Connection, follower: RowFollower) -> Iterator[dict[str, Any]]:
    # Many rows of one entry have the same owner: its name is read once.
    find_owner = cache(partial(_find_owner, db))
    for table, key, before, after in follower.list_changes():
        policy = AUDITED[table]
        values = describe_values(policy, before, after) if before or after else None
        if values is None:
            continue
        row: Any = after or before
        change = {
            "kind": policy.kind,
            "id": ",".join(map(str, key)),
            "name": _find_name(find_owner, policy, row),
            "before": values[0],
            "after": values[1],
        }
        owner = find_owner(policy.owner[0], row[policy.owner[1]]) if policy.owner else None
        yield change | {"owner": owner}


def _find_name(find_owner: Callable[[str, Any], tuple[str, str, str]], policy: TablePolicy, row: Any) -> str:
    if policy.named_by:
        kind, column = policy.named_by
        _, _, name = find_owner(kind, row[column])
        return redact_name(kind, name)
    return str(row[policy.name]) if policy.name else ""


def _screen_change(change: dict[str, Any]) -> dict[str, Any]:
    return {**change, "name": redact_name(change["kind"], change["name"])}


def _find_owner(db: Connection, kind: str, owner_id: Any) -> tuple[str, str, str]:
    """Return kind, id and name of what a row belongs to, or is called by."""
    table = Base.metadata.tables[TABLES_BY_KIND[kind]]
    named = AUDITED[table.name].name
    name = db.scalar(select(table.c[named]).where(table.c.id == owner_id)) if named else ""
    return kind, str(owner_id), str(name or "")


def _build_draft(notes: ChangeNotes, actor: Actor, changes: Sequence[dict[str, Any]]) -> EntryDraft:
    ordered = sorted(changes, key=lambda change: _RANKS[change["kind"]])
    subject = notes.subject or _find_subject(ordered[0])
    if notes.person:
        who, name = notes.person
        actor = Actor(ActorKind.PERSON, who, name, actor.address, actor.request_id)
    kept = [{name: change[name] for name in ("kind", "id", "name", "before", "after")} for change in ordered]
    return EntryDraft(actor, notes.action or _name_change(ordered[0]), subject, kept)


def _find_subject(change: dict[str, Any]) -> tuple[str, str, str]:
    """Return what the change of a row is about: what the row belongs to, else the row."""
    return change["owner"] or (change["kind"], change["id"], change["name"])


def _name_change(change: dict[str, Any]) -> str:
    """Return the words for the change of a row, such as “label created”."""
    policy = AUDITED[TABLES_BY_KIND[change["kind"]]]
    if change["before"] is None:
        return policy.created or f"{change['kind']} created"
    if change["after"] is None and policy.deleted:
        return policy.deleted
    return f"{change['kind']} {'deleted' if change['after'] is None else 'changed'}"
