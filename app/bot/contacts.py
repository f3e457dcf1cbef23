"""Contacts and chats: found or created inside transaction A, cached after its commit."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot import groups, identity
from app.bot.identity import ContactUnion
from app.bot.models import Chat, Contact, Counter
from app.channels.contract import IdentityChange, Person
from app.db.schema import get_table
from app.db.statements import build_insert
from app.phone_numbers import list_spellings, unify
from app.unicode import clean_name

T = TypeVar("T")
ContactKey = tuple[int, str]
# A message that names neither id nor number still has to be kept: somebody of this name wrote it.
UNKNOWN_PHONE = "unknown"
CACHE_SIZE = 20_000
# Between two looks whether another process has removed contacts (ms).
CHECK_INTERVAL_MS = 1_000


@dataclass(frozen=True, slots=True)
class ContactRef:
    """Chat and contact of a message, with what is known of the sender."""

    chat_id: int
    contact_id: int | None
    person: Person
    # The contacts that have just become part of this one.
    unions: tuple[ContactUnion, ...] = ()

    def apply_union(self, union: ContactUnion) -> "ContactRef":
        """Return the reference after a union."""
        is_moved = self.chat_id == union.gone_chat_id and union.kept_chat_id is not None
        return replace(
            self,
            chat_id=union.kept_chat_id if is_moved and union.kept_chat_id else self.chat_id,
            contact_id=union.kept_contact_id if self.contact_id == union.gone_contact_id else self.contact_id,
        )


class ContactCache:
    """Cache of the contacts and chats this process has seen; the least recently used go first.

    It holds committed rows alone. A chat that is gone since shows as a broken foreign key, upon which the caller clears
    the cache and tries again; a contact that is gone, as the writer in a group, shows by `clear_outdated`.
    """

    def __init__(self) -> None:
        self._refs: OrderedDict[ContactKey, ContactRef] = OrderedDict()
        self._gone_count: int | None = None
        self._checked_at = 0

    def get(self, key: ContactKey) -> ContactRef | None:
        """Return a cached reference, None for an unknown sender."""
        return self._refs.get(key)

    def add(self, refs: Iterable[tuple[ContactKey, ContactRef]]) -> None:
        """Add committed references; what became part of another contact is forgotten."""
        refs = list(refs)
        gone = {union.gone_contact_id for _, place in refs for union in place.unions}
        for key in [key for key, place in self._refs.items() if place.contact_id in gone] if gone else ():
            del self._refs[key]
        for key, place in refs:
            self._refs[key] = place
            self._refs.move_to_end(key)
        while len(self._refs) > CACHE_SIZE:
            self._refs.popitem(last=False)

    def clear(self) -> None:
        """Remove all references."""
        self._refs.clear()

    def clear_outdated(self, db: Db, now: int) -> None:
        """Clear the cache when any process has removed a contact since the last look, at most one look a second."""
        if 0 <= now - self._checked_at < CHECK_INTERVAL_MS:
            return
        self._checked_at = now
        count = _select_scalar(db, select(Counter.n).where(Counter.name == identity.GONE_CONTACTS)) or 0
        if count != self._gone_count:
            self.clear()
            self._gone_count = count


def build_key(connection_id: int, person: Person, group_id: str | None) -> ContactKey:
    """Return the cache key of a sender: the user id, else the phone number in any spelling; in a group with its id."""
    name = f"u:{person.user_id}" if person.user_id else f"p:{unify(person.phone or '')}"
    return connection_id, f"g:{group_id}:{name}" if group_id else name


def find_or_create(db: Db, connection_id: int, person: Person, group_id: str | None, now: int) -> ContactRef:
    """Return contact and chat of a message, created for a new sender; `now` in ms.

    In a group the contact is who wrote there, and null when the channel does not say.
    """
    if group_id and not (person.user_id or person.phone):
        return ContactRef(_find_or_create_group(db, connection_id, group_id, now), None, person)
    row = _find_contact(db, connection_id, person) or _create_contact(db, connection_id, person, now)
    known = _merge_person(db, row, person)
    if group_id:
        return ContactRef(
            _find_or_create_group(db, connection_id, group_id, now), row["id"], known, _list_unions(row)
        )
    chat_id = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    if chat_id is None:
        _insert(db, Chat, {"connection_id": connection_id, "contact_id": row["id"], **_build_chat(db, now)})
        chat_id = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    return ContactRef(_require(chat_id), row["id"], known, _list_unions(row))


def _list_unions(row: Mapping[str, Any]) -> tuple[ContactUnion, ...]:
    return row.get("unions", ())


def _find_or_create_group(db: Db, connection_id: int, group_id: str, now: int) -> int:
    query = select(Chat.id).where(Chat.connection_id == connection_id, Chat.group_id == group_id)
    found = _select_scalar(db, query)
    if found is None:
        title, since = groups.find_title(db, connection_id, group_id)
        chat = {**_build_chat(db, now), "title": title, "title_at": since}
        _insert(db, Chat, {"connection_id": connection_id, "group_id": group_id, **chat})
        found = _select_scalar(db, query)
    return _require(found)


def _require(found: T | None) -> T:
    if found is None:
        raise LookupError("a row that was just inserted is not there")
    return found


def _build_chat(db: Db, now: int) -> dict[str, Any]:
    return build_chats(db, 1, now)[0]


def build_chats(db: Db, count: int, now: int) -> list[dict[str, Any]]:
    """Return the values of new chats, except whose they are; `now` in ms."""
    first = _allocate_id(db)
    return [
        {**({} if first is None else {"id": first + number}), **_build_chat_values(now)}
        for number in range(count)
    ]


def _build_chat_values(now: int) -> dict[str, Any]:
    return {
        "title": "",
        "last_message_at": now,
        "created_at": now,
        "pending": 0,
        "window_until": 0,
        "lease_until": 0,
        "epoch": 0,
        "pair_slot": 0,
    }


def _allocate_id(db: Db) -> int | None:
    """Return the id of the next chat, None = the database's; never that of an erased one: SQLite would reuse it."""
    if db.dialect.name != "sqlite":
        return None
    erased = _select_scalar(db, select(Counter.n).where(Counter.name == identity.GONE_CHATS)) or 0
    return max(_select_scalar(db, select(func.max(Chat.id))) or 0, erased) + 1


def _find_contact(db: Db, connection_id: int, person: Person) -> dict[str, Any] | None:
    """Find a contact by user id, else by phone: the same person may come with either (whatsapp A14).

    Two contacts, one with the user id alone and one with the number alone, are united.
    """
    phone = person.phone or ("" if person.user_id else UNKNOWN_PHONE)
    ways: list[ColumnElement[bool]] = [Contact.phone.in_(list_spellings(phone))]
    if person.user_id:
        ways.append(Contact.user_id == person.user_id)
    query = select(get_table(Contact)).where(Contact.connection_id == connection_id, or_(*ways))
    rows = [dict(row) for row in db.execute(query).mappings()]
    rows.sort(key=lambda row: (row["user_id"] != person.user_id, row["phone"] != person.phone, row["id"]))
    found = rows[0] if rows else None
    for other in rows[1:]:
        if found and _is_same_person(found, other):
            found = _unite(db, found, other)
    return found


def _is_same_person(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    phones = {unify(each["phone"]) for each in (one, other) if each["phone"]}
    return len(phones) == 1 and (one["user_id"] is None or other["user_id"] is None)


def _unite(db: Db, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Unite two contacts in the one that has the number, or in the older one; `unions` has them all."""
    kept, gone = (other, one) if one["phone"] is None else (one, other)
    union = identity.unite(db, kept["id"], gone["id"])
    changes = {name: gone[name] for name in ("user_id", "name", "username") if not kept[name] and gone[name]}
    if changes:
        db.execute(update(Contact).where(Contact.id == kept["id"]).values(changes))
    return {**kept, **changes, "unions": (*_list_unions(one), *_list_unions(other), union)}


def learn_person(db: Db, connection_id: int, person: Person) -> ContactRef | None:
    """Join number and user id of a person, both given, in one contact; null for somebody without a contact or chat."""
    row = _find_contact(db, connection_id, person)
    if row is None:
        return None
    known = _merge_person(db, row, person)
    chat_id = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    return ContactRef(chat_id, row["id"], known, _list_unions(row)) if chat_id is not None else None


def _create_contact(db: Db, connection_id: int, person: Person, now: int) -> dict[str, Any]:
    _insert(db, Contact, {"connection_id": connection_id, **build_contact(person, now)})
    return _require(_find_contact(db, connection_id, person))


def list_phones(person: Person) -> list[str]:
    """Return every number under which a person may be stored."""
    return list(list_spellings(person.phone)) if person.phone else []


def build_contact(person: Person, now: int) -> dict[str, Any]:
    """Return the values of a new contact, except its connection; `now` in ms."""
    return {
        "user_id": person.user_id,
        "phone": person.phone or (None if person.user_id else UNKNOWN_PHONE),
        "name": clean_name(person.name)[:200],
        "username": person.username[:100],
        "created_at": now,
    }


def _merge_person(db: Db, row: dict[str, Any], person: Person) -> Person:
    """Fill in what a contact did not have yet, and follow its changed name."""
    known = Person(row["user_id"], row["phone"], row["name"], row["username"])
    changes: dict[str, Any] = {}
    name = clean_name(person.name)[:200]
    if name and name != row["name"]:
        changes["name"] = name
    if person.username and person.username[:100] != row["username"]:
        changes["username"] = person.username[:100]
    for field in ("user_id", "phone"):
        value = getattr(person, field)
        if value and row[field] is None and not _is_taken(db, row["connection_id"], field, value):
            changes[field] = value
    if changes:
        db.execute(update(Contact).where(Contact.id == row["id"]).values(changes))
        known = Person(**{**{f: getattr(known, f) for f in Person.__slots__}, **changes})
    return known


def _is_taken(db: Db, connection_id: int, field: str, value: str) -> bool:
    column = getattr(Contact, field)
    values = list_spellings(value) if field == "phone" else (value,)
    query = select(Contact.id).where(Contact.connection_id == connection_id, column.in_(values))
    return _select_scalar(db, query) is not None


def apply_identity_change(db: Db, connection_id: int, change: IdentityChange) -> None:
    """Give a contact its changed identifiers; where both are known already, both stay (whatsapp A14)."""
    row = _find_contact(db, connection_id, change.old)
    if row is None:
        return
    changes = {
        field: value
        for field in ("user_id", "phone")
        if (value := getattr(change.new, field))
        and value != row[field]
        and not _is_taken(db, connection_id, field, value)
    }
    if changes:
        db.execute(update(Contact).where(Contact.id == row["id"]).values(changes))


def load_names(session: Session, scope: str, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return stable id and name of contacts, or of chats, by their row's id."""
    if scope == "contact":
        rows = session.scalars(select(Contact).where(Contact.id.in_(ids)))
        return {
            row.id: (row.user_id or row.phone or "", clean_name(row.name) or row.username) for row in rows
        }
    query = select(Chat.id, Chat.title, Contact.name).outerjoin(Contact, Contact.id == Chat.contact_id)
    found = session.execute(query.where(Chat.id.in_(ids)))
    return {row.id: (str(row.id), clean_name(row.name or "") or clean_name(row.title)) for row in found}


def _select_scalar(db: Db, query: Any) -> int | None:
    return db.execute(query).scalars().first()


def _insert(db: Db, table: type[Contact] | type[Chat], values: dict[str, Any]) -> None:
    """Insert unless another process was quicker."""
    db.execute(build_insert(db, table).values(values).on_conflict_do_nothing())
