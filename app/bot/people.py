"""Who wrote: contacts and chats found or made inside transaction A, remembered after its commit."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection as Db
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.bot.channels.contract import Person, Renamed
from app.bot.models import Chat, Contact, Counter
from app.db import table_of

T = TypeVar("T")
Key = tuple[int, str]
# A message that names neither id nor number still has to be kept: somebody of this name wrote it.
NOBODY = "unknown"
# The counter of the highest chat that was erased.
ERASED_CHATS = "erased.chat"
CACHED = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message belongs, and what we know of its sender."""

    chat_id: int
    contact_id: int | None
    person: Person


class Places:
    """The places this process has seen, least recently used forgotten first.

    Filled only with committed places; a place that was erased since shows as a broken foreign key, upon which the
    caller empties the memory and tries again.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[Key, Place] = OrderedDict()

    def get(self, key: Key) -> Place | None:
        """Find a remembered place."""
        return self._places.get(key)

    def learn(self, places: Iterable[tuple[Key, Place]]) -> None:
        """Remember committed places."""
        for key, place in places:
            self._places[key] = place
            self._places.move_to_end(key)
        while len(self._places) > CACHED:
            self._places.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()


def key_of(connection_id: int, person: Person, group_id: str | None) -> Key:
    """Name a place: the group, else the user id, else the phone number."""
    if group_id:
        return connection_id, f"g:{group_id}"
    return connection_id, f"u:{person.user_id}" if person.user_id else f"p:{person.phone}"


def find_or_make(db: Db, connection_id: int, person: Person, group_id: str | None, now: int) -> Place:
    """Return the place of a message, making contact and chat at a first meeting."""
    if group_id:
        return Place(_group(db, connection_id, group_id, now), None, person)
    row = _contact(db, connection_id, person) or _new_contact(db, connection_id, person, now)
    known = _merged(db, row, person)
    chat_id = _one(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    if chat_id is None:
        _insert(db, Chat, {"connection_id": connection_id, "contact_id": row["id"], **_new_chat(db, now)})
        chat_id = _one(db, select(Chat.id).where(Chat.contact_id == row["id"]))
    return Place(_there(chat_id), row["id"], known)


def _group(db: Db, connection_id: int, group_id: str, now: int) -> int:
    query = select(Chat.id).where(Chat.connection_id == connection_id, Chat.group_id == group_id)
    found = _one(db, query)
    if found is None:
        _insert(db, Chat, {"connection_id": connection_id, "group_id": group_id, **_new_chat(db, now)})
        found = _one(db, query)
    return _there(found)


def _there(found: T | None) -> T:
    if found is None:
        raise LookupError("a row that was just inserted is not there")
    return found


def _new_chat(db: Db, now: int) -> dict[str, Any]:
    return {
        **_unused_id(db),
        "title": "",
        "last_message_at": now,
        "created_at": now,
        "pending": 0,
        "window_until": 0,
        "lease_until": 0,
        "epoch": 0,
        "pair_slot": 0,
    }


def _unused_id(db: Db) -> dict[str, int]:
    """Number a chat so that it is never taken for one that was erased: SQLite would give its number again."""
    if db.dialect.name != "sqlite":
        return {}
    erased = _one(db, select(Counter.n).where(Counter.name == ERASED_CHATS)) or 0
    return {"id": max(_one(db, select(func.max(Chat.id))) or 0, erased) + 1}


def _contact(db: Db, connection_id: int, person: Person) -> dict[str, Any] | None:
    """Find a contact by user id, else by phone: the same person may come with either (whatsapp A14)."""
    ways = [Contact.phone == (person.phone or ("" if person.user_id else NOBODY))]
    if person.user_id:
        ways.append(Contact.user_id == person.user_id)
    query = select(table_of(Contact)).where(Contact.connection_id == connection_id, or_(*ways))
    rows = [dict(row) for row in db.execute(query).mappings()]
    rows.sort(key=lambda row: row["user_id"] != person.user_id)
    return rows[0] if rows else None


def _new_contact(db: Db, connection_id: int, person: Person, now: int) -> dict[str, Any]:
    phone = person.phone or (None if person.user_id else NOBODY)
    values = {
        "connection_id": connection_id,
        "user_id": person.user_id,
        "phone": phone,
        "name": person.name[:200],
        "username": person.username[:100],
        "created_at": now,
    }
    _insert(db, Contact, values)
    return _there(_contact(db, connection_id, person))


def _merged(db: Db, row: dict[str, Any], person: Person) -> Person:
    """Fill in what a contact did not have yet, and follow its changed name."""
    known = Person(row["user_id"], row["phone"], row["name"], row["username"])
    news: dict[str, Any] = {}
    if person.name and person.name[:200] != row["name"]:
        news["name"] = person.name[:200]
    if person.username and person.username[:100] != row["username"]:
        news["username"] = person.username[:100]
    for field in ("user_id", "phone"):
        value = getattr(person, field)
        if value and row[field] is None and not _taken(db, row["connection_id"], field, value):
            news[field] = value
    if news:
        db.execute(update(Contact).where(Contact.id == row["id"]).values(news))
        known = Person(**{**{f: getattr(known, f) for f in Person.__slots__}, **news})
    return known


def _taken(db: Db, connection_id: int, field: str, value: str) -> bool:
    column = getattr(Contact, field)
    return (
        _one(db, select(Contact.id).where(Contact.connection_id == connection_id, column == value))
        is not None
    )


def rename(db: Db, connection_id: int, renamed: Renamed) -> None:
    """Give a contact its changed identifiers; where both are known already, both stay (whatsapp A14)."""
    row = _contact(db, connection_id, renamed.old)
    if row is None:
        return
    news = {
        field: value
        for field in ("user_id", "phone")
        if (value := getattr(renamed.new, field))
        and value != row[field]
        and not _taken(db, connection_id, field, value)
    }
    if news:
        db.execute(update(Contact).where(Contact.id == row["id"]).values(news))


def names_of(session: Session, scope: str, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return stable id and name of contacts, or of chats, by their row's id."""
    if scope == "contact":
        rows = session.scalars(select(Contact).where(Contact.id.in_(ids)))
        return {row.id: (row.user_id or row.phone or "", row.name or row.username) for row in rows}
    query = select(Chat.id, Chat.title, Contact.name).outerjoin(Contact, Contact.id == Chat.contact_id)
    found = session.execute(query.where(Chat.id.in_(ids)))
    return {row.id: (str(row.id), row.name or row.title) for row in found}


def _one(db: Db, query: Any) -> int | None:
    return db.execute(query).scalars().first()


def _insert(db: Db, table: type[Contact] | type[Chat], values: dict[str, Any]) -> None:
    """Insert unless another process was quicker."""
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    db.execute(dialect.insert(table).values(values).on_conflict_do_nothing())
