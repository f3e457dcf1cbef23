"""Contacts and chats: found or created inside transaction A; the newest name of a person."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot import groups, identity
from app.bot.contact_cache import ContactRef
from app.bot.identity import ContactUnion
from app.bot.models import Chat, Contact, Counter
from app.channels.contract import IdentityChange, Person
from app.db.schema import get_table
from app.db.statements import build_insert
from app.immutable import immutable
from app.phone_numbers import list_spellings, unify
from app.unicode import clean_name

T = TypeVar("T")
# A message that names neither id nor number still has to be kept: somebody of this name wrote it.
UNKNOWN_PHONE = "unknown"


@immutable
class MessageSource:
    """Where a message is from: connection, who wrote it, their group, and when it was sent (ms; 0 = before all)."""

    connection_id: int
    person: Person
    group_id: str | None = None
    at: int = 0


def find_or_create(db: Db, source: MessageSource, now: int) -> ContactRef:
    """Return contact and chat of a message, created for a new sender; `now` in ms.

    In a group the contact is who wrote there, and null when the channel does not say.
    """
    connection_id, person, group_id = source.connection_id, source.person, source.group_id
    if group_id and not (person.user_id or person.phone):
        return ContactRef(_find_or_create_group(db, connection_id, group_id, now), None, person, source.at)
    row = _find_contact(db, connection_id, person) or _create_contact(db, source, now)
    known, named_at = _merge_person(db, row, source)
    if group_id:
        chat_id = _find_or_create_group(db, connection_id, group_id, now)
        return ContactRef(chat_id, row["id"], known, named_at, _list_unions(row))
    found = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    if found is None:
        _insert(db, Chat, {"connection_id": connection_id, "contact_id": row["id"], **_build_chat(db, now)})
        found = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    return ContactRef(_require(found), row["id"], known, named_at, _list_unions(row))


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
    """Unite two contacts in the one that has the number, or in the older one; `unions` has them all.

    The newer name stays, and what only one of them has.
    """
    kept, gone = (other, one) if one["phone"] is None else (one, other)
    union = identity.unite(db, kept["id"], gone["id"])
    is_newer = (gone["name_at"] or 0) > (kept["name_at"] or 0)
    fields = ("user_id", "name", "username")
    changes = {field: gone[field] for field in fields if gone[field] and (is_newer or not kept[field])}
    if is_newer:
        changes["name_at"] = gone["name_at"]
    if changes:
        db.execute(update(Contact).where(Contact.id == kept["id"]).values(changes))
    return {**kept, **changes, "unions": (*_list_unions(one), *_list_unions(other), union)}


def learn_person(db: Db, connection_id: int, person: Person) -> ContactRef | None:
    """Join number and user id of a person, both given, in one contact; null for somebody without a contact or chat."""
    row = _find_contact(db, connection_id, person)
    if row is None:
        return None
    known, named_at = _merge_person(db, row, MessageSource(connection_id, person))
    chat_id = _select_scalar(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    return ContactRef(chat_id, row["id"], known, named_at, _list_unions(row)) if chat_id is not None else None


def _create_contact(db: Db, source: MessageSource, now: int) -> dict[str, Any]:
    _insert(db, Contact, build_contact(source, now))
    return _require(_find_contact(db, source.connection_id, source.person))


def list_phones(person: Person) -> list[str]:
    """Return every number under which a person may be stored."""
    return list(list_spellings(person.phone)) if person.phone else []


def build_contact(source: MessageSource, now: int) -> dict[str, Any]:
    """Return the values of a new contact; `now` in ms."""
    person = source.person
    return {
        "connection_id": source.connection_id,
        "user_id": person.user_id,
        "phone": person.phone or (None if person.user_id else UNKNOWN_PHONE),
        "name": clean_name(person.name)[:200],
        "username": person.username[:100],
        "created_at": now,
        "name_at": (source.at or None) if person.name or person.username else None,
    }


def _merge_person(db: Db, row: dict[str, Any], source: MessageSource) -> tuple[Person, int]:
    """Fill in what a contact did not have yet, and follow its changed name; returns both, with the name's time (ms)."""
    person, changes = source.person, _find_new_name(row, source)
    for field in ("user_id", "phone"):
        value = getattr(person, field)
        if value and row[field] is None and not _is_taken(db, row["connection_id"], field, value):
            changes[field] = value
    if changes:
        db.execute(update(Contact).where(Contact.id == row["id"]).values(changes))
    now = {**row, **changes}
    return Person(now["user_id"], now["phone"], now["name"], now["username"]), now["name_at"] or 0


def _find_new_name(row: Mapping[str, Any], source: MessageSource) -> dict[str, Any]:
    """Return the changed names of a contact and their time; of an older message only what was not known at all."""
    names = {"name": clean_name(source.person.name)[:200], "username": source.person.username[:100]}
    is_newer = source.at >= (row["name_at"] or 0)
    changes: dict[str, Any] = {
        field: value
        for field, value in names.items()
        if value and value != row[field] and (is_newer or not row[field])
    }
    if changes and is_newer:
        changes["name_at"] = source.at or None
    return changes


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
