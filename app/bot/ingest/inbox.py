"""Transaction A: a batch of inbound items is stored; end of the time for free text, echoes, duplicates."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, case, update

from app.bot import contacts, full_text, groups, handoff, wakeup
from app.bot.contact_cache import ContactCache, ContactKey, ContactRef, build_key
from app.bot.contacts import MessageSource
from app.bot.delivery import receipts as delivery_receipts
from app.bot.identity import ContactUnion
from app.bot.ingest import new_messages, new_people, updates
from app.bot.ingest.batches import InboundBatch, IngestResult, iterate_items
from app.bot.media import downloads
from app.bot.models import Chat, Connection
from app.bot.models.message_keys import build_echo_key
from app.bot.models.message_rows import (
    InboundFields,
    InboundRow,
    RowPlace,
    build_inbound_row,
)
from app.bot.states import HIDDEN_KINDS, QUIET_KINDS, Author, Direction, MessageState
from app.channels.contract import IdentityChange, InboundMessage, Person, RawItem, Status
from app.db.schema import get_table
from app.db.statements import Statement


class Inbox:
    """Stores batches; `contact_cache` spares the look-up of known contacts.

    A message older than `stale_after_ms` is kept without an answer.
    """

    def __init__(self, stale_after_ms: int, contact_cache: ContactCache) -> None:
        self.stale_after_ms = stale_after_ms
        self.contact_cache = contact_cache

    def ingest(self, db: Db, batches: Sequence[InboundBatch]) -> list[IngestResult]:
        """Store batches; called by the writer with all that wait (specs: durability 2.2)."""
        results = [IngestResult() for _ in batches]
        self.contact_cache.clear_outdated(db, batches[0].received_at)
        builder = _RowBuilder(db, self)
        builder.add_new_people(batches)
        for batch, result in zip(batches, results, strict=True):
            builder.windows.update((connection_id, batch.window_ms) for connection_id, _ in batch.parts)
            for connection_id, item in iterate_items([batch], InboundMessage):
                builder.add(batch.received_at, connection_id, item, result)
        now = batches[0].received_at
        if builder.rows:
            _store(db, builder, now)
        if targets := builder.list_changed():
            results[0].changed_chats |= updates.apply_changes(db, targets)
        _apply_receipts(db, batches, results[0])
        self._learn_people(db, batches, results[0])
        _store_notices(db, batches, results[0])
        for connection_id, change in iterate_items(batches, IdentityChange):
            contacts.apply_identity_change(db, connection_id, change)
        if builder.redelivered:
            updates.count_repeats(db, builder.redelivered)
        if builder.rows:
            full_text.index_messages(db)
        return results

    def _learn_people(self, db: Db, batches: Sequence[InboundBatch], result: IngestResult) -> None:
        """Join what receipts say of people: once for each number and user id, then the cache knows them."""
        people = {(n, s.person) for n, s in iterate_items(batches, Status) if s.person}
        unknown: list[tuple[ContactKey, Person]] = []
        for connection_id, person in people:
            key = build_key(connection_id, person, None)
            known = self.contact_cache.get(key)
            if known is None or known.person.phone is None:
                unknown.append((key, person))
        for key, person in sorted(unknown, key=str):
            ref = contacts.learn_person(db, key[0], person)
            if ref is not None:
                result.new_contacts.append((key, ref))


class _RowBuilder:
    """Builds the message rows of one transaction."""

    def __init__(self, db: Db, inbox: Inbox) -> None:
        self._db = db
        self._known_contacts = inbox.contact_cache
        self._stale_after_ms = inbox.stale_after_ms
        self._new_contacts: dict[ContactKey, ContactRef] = {}
        self._gone_contact_ids: set[int] = set()
        self.rows: list[InboundRow] = []
        self.results: dict[tuple[int, str], IngestResult] = {}
        # Messages that are changed by what came now.
        self.change_targets: set[tuple[int, str]] = set()
        self.redelivered: Counter[tuple[int, str]] = Counter()
        # New bubbles that count as unread (app.bot.chats.unread).
        self.notable: set[tuple[int, str]] = set()
        # Messages written in our own phone app just now.
        self.phone_written: set[tuple[int, str]] = set()
        self.files: dict[tuple[int, str], Mapping[str, Any]] = {}
        self.windows: dict[int, int] = {}  # ms, by connection

    def add(self, now: int, connection_id: int, item: InboundMessage, result: IngestResult) -> None:
        """Make the row of one message, and its contact and chat if they are new; `now` in ms."""
        contact = self._find_contact(now, connection_id, item, result)
        is_recent = not item.at or item.at >= now - self._stale_after_ms
        row = _build_row(now, connection_id, item, contact, is_recent)
        self.rows.append(row)
        name = connection_id, row["provider_id"]
        self.results.setdefault(name, result)
        if is_recent and item.kind not in QUIET_KINDS:
            (self.phone_written if item.outgoing else self.notable).add(name)
        if item.kind in downloads.MEDIA_KINDS:
            self.files[name] = item.payload
        if target := item.edited_id or item.revoked_id:
            self.change_targets.add((connection_id, target[:255]))

    def add_new_people(self, batches: Sequence[InboundBatch]) -> None:
        """Make the contacts and chats of people never seen, all at once."""
        unknown = [
            (key, MessageSource(connection_id, item.person, None, _get_sent_at(item, batches[0].received_at)))
            for connection_id, item in iterate_items(batches, InboundMessage)
            if not item.group_id
            and self._known_contacts.get(key := build_key(connection_id, item.person, None)) is None
        ]
        if len(unknown) >= new_people.MIN_PEOPLE:
            self._new_contacts = new_people.create_many(self._db, unknown, batches[0].received_at)

    def _find_contact(
        self, now: int, connection_id: int, item: InboundMessage, result: IngestResult
    ) -> ContactRef:
        key = build_key(connection_id, item.person, item.group_id)
        contact = self._new_contacts.get(key) or self._known_contacts.get(key)
        at = _get_sent_at(item, now)
        if (
            contact is None
            or contact.contact_id in self._gone_contact_ids
            or contact.is_outdated_by(item.person, at)
        ):
            source = MessageSource(connection_id, item.person, item.group_id, at)
            contact = contacts.find_or_create(self._db, source, now)
            self._new_contacts[key] = contact
            for union in contact.unions:
                self._follow_union(union)
        elif at > contact.named_at and item.person.name:
            contact.named_at = at
        if key in self._new_contacts:
            result.new_contacts.append((key, contact))
        return contact

    def list_changed(self) -> set[tuple[int, str]]:
        """Return what may be changed: what edits and deletions name, and what may have come after its change."""
        late = {
            (row["connection_id"], row["provider_id"]) for row in self.rows if row["kind"] not in HIDDEN_KINDS
        }
        return self.change_targets | late

    def _follow_union(self, union: ContactUnion) -> None:
        """Give what came earlier in this transaction the chat and the contact that are left."""
        self._gone_contact_ids.add(union.gone_contact_id)
        for row in self.rows:
            if row["chat_id"] == union.gone_chat_id and union.kept_chat_id is not None:
                row["chat_id"] = union.kept_chat_id
            if row["contact_id"] == union.gone_contact_id:
                row["contact_id"] = union.kept_contact_id
        self._new_contacts = {key: ref.apply_union(union) for key, ref in self._new_contacts.items()}
        for result in self.results.values():
            result.new_contacts = [(key, ref.apply_union(union)) for key, ref in result.new_contacts]


def _get_sent_at(item: InboundMessage, now: int) -> int:
    """Return when a message was sent (ms): when it came if it does not say, and never later."""
    return min(item.at or now, now)


def _build_row(
    now: int, connection_id: int, item: InboundMessage, contact: ContactRef, is_recent: bool
) -> InboundRow:
    place = RowPlace(connection_id, contact.chat_id, now)
    fields = InboundFields(
        text=item.text,
        quoted_id=(item.quoted_id or item.edited_id or item.revoked_id or "")[:255] or None,
        provider_at=item.at or None,
        contact_id=contact.contact_id if item.group_id else None,
    )
    if item.outgoing:
        # The unique inbound id does not cover our own phone's messages: their key keeps redeliveries single.
        key = build_echo_key(connection_id, item.provider_id)
        fields |= InboundFields(direction=Direction.OUT, author=Author.PHONE, key=key)
        state = MessageState.SENT
    else:
        person_id = item.group_id or item.person.user_id or item.person.phone
        state = MessageState.NEW if item.is_trigger and is_recent and person_id else MessageState.STORED
    return build_inbound_row(place, item.kind, state, item.provider_id, item.payload, **fields)


def _store(db: Db, builder: _RowBuilder, now: int) -> None:
    rows, owners = builder.rows, builder.results
    # By chat, so that two processes take their locks in one order; within a chat as they came.
    rows.sort(key=lambda row: row["chat_id"])
    chats: dict[int, dict[str, Any]] = {}
    builder.redelivered = Counter((row["connection_id"], row["provider_id"]) for row in rows)
    stored = new_messages.insert_new(db, rows)
    for row in stored:
        chat_id, name = row["chat_id"], (row["connection_id"], row["provider_id"])
        result = owners[name]
        builder.redelivered[name] -= 1
        result.new_count += 1
        result.changed_chats.add(chat_id)
        chat = chats.setdefault(chat_id, {"chat": chat_id, "new": 0, "window": 0, "now": now, "unread": 0})
        chat["unread"] += name in builder.notable
        if row["state"] == MessageState.NEW:
            chat["new"] += 1
            result.ready_chats.add(chat_id)
        if row["direction"] == Direction.IN:
            until = (row["provider_at"] or now) + builder.windows[row["connection_id"]]
            chat["window"] = max(chat["window"], until)
    builder.redelivered = +builder.redelivered
    if chats:
        _UPDATE_CHATS.execute_many(db, [chats[chat_id] for chat_id in sorted(chats)])
    written = {
        row["chat_id"]
        for row in stored
        if (row["connection_id"], row["provider_id"]) in builder.phone_written
    }
    if written:
        handoff.pause_after_reply(db, written, now)
    if builder.files:
        downloads.enqueue(db, stored, builder.files, now)


_chat = get_table(Chat).c
_greatest = case((_chat.window_until > bindparam("window"), _chat.window_until), else_=bindparam("window"))
_UPDATE_CHATS = Statement(
    update(get_table(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        pending=_chat.pending + bindparam("new"),
        ready_at=wakeup.build_ready_at(bindparam("new"), bindparam("now")),
        last_message_at=bindparam("now"),
        window_until=_greatest,
        unread_count=_chat.unread_count + bindparam("unread"),
    )
)


def _store_notices(db: Db, batches: Sequence[InboundBatch], result: IngestResult) -> None:
    unrouted = [each for batch in batches for each in batch.raw_items]
    notices = [*unrouted, *iterate_items(batches, RawItem)]
    updates.insert_notices(db, notices, batches[0].received_at)
    for connection_id, notice in notices:
        if notice.group_titles and connection_id is not None:
            result.changed_chats |= groups.rename(
                db, connection_id, notice.group_titles, batches[0].received_at
            )


def _apply_receipts(db: Db, batches: Sequence[InboundBatch], result: IngestResult) -> None:
    """Apply receipts; those of several batches may meet in one row, so the first batch's result has them all."""
    now = batches[0].received_at
    receipts = [
        # A receipt without a readable moment happened when it came.
        (connection_id, status if status.at else replace(status, at=now))
        for connection_id, status in iterate_items(batches, Status)
    ]
    if receipts:
        applied = delivery_receipts.apply(db, receipts, now)
        result.changed_chats |= applied.changed_chat_ids
        result.resolved_chats |= applied.resolved_chat_ids
        result.has_failures |= applied.failures_changed


def touch_connections(db: Db, touches: Sequence[tuple[int, int]]) -> list[None]:
    """Record when a connection's webhooks last arrived (ms): the absence of a status means something since then."""
    for connection_id, now in sorted(dict(touches).items()):
        db.execute(update(Connection).where(Connection.id == connection_id).values(last_webhook_at=now))
    return [None] * len(touches)
