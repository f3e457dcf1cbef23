"""Contacts and chats of many new people at once, in a few statements over many rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import or_, select

from app.bot import contacts
from app.bot.contact_cache import ContactKey, ContactRef
from app.bot.contacts import MessageSource
from app.bot.models import Chat, Contact
from app.channels.contract import Person
from app.db.statements import build_insert

# Below this many the usual way (contacts.find_or_create) costs no more.
MIN_PEOPLE = 3


def create_many(
    db: Db, people: Sequence[tuple[ContactKey, MessageSource]], now: int
) -> dict[ContactKey, ContactRef]:
    """Create contact and chat of everybody who shares no identifier with anybody known; `now` in ms.

    Whoever is left out may be known by another identifier: contacts.find_or_create decides that, one by one.
    """
    fresh = _select_fresh(db, people)
    if len(fresh) < MIN_PEOPLE:
        return {}
    rows = [contacts.build_contact(source, now) for source in fresh.values()]
    by_name = {_get_name(row): key for row, key in zip(rows, fresh, strict=True)}
    inserted = build_insert(db, Contact).on_conflict_do_nothing()
    made = db.execute(
        inserted.returning(Contact.id, Contact.connection_id, Contact.phone, Contact.user_id), rows
    )
    # Another process may have been quicker: then the usual way finds its rows.
    keys = {row["id"]: by_name[_get_name(row)] for row in made.mappings()}
    return {
        key: ContactRef(chat_id, contact_id, fresh[key].person, fresh[key].at)
        for contact_id, chat_id in _create_chats(db, keys, now).items()
        for key in [keys[contact_id]]
    }


def _select_fresh(
    db: Db, people: Sequence[tuple[ContactKey, MessageSource]]
) -> dict[ContactKey, MessageSource]:
    sources = {key: source for key, source in people if source.person.phone or source.person.user_id}
    named = [(key, source.person) for key, source in people if key in sources]
    # Who comes with two numbers at once, or shares one with somebody else, is joined in the order they came.
    identities: defaultdict[ContactKey, set[tuple[str | None, str | None]]] = defaultdict(set)
    holders: defaultdict[tuple[int, str, str], set[ContactKey]] = defaultdict(set)
    for key, person in named:
        identities[key].add((person.phone, person.user_id))
        for identifier in _list_identifiers(key[0], person):
            holders[identifier].add(key)
    taken = {
        each
        for connection_id in {key[0] for key in identities}
        for each in _list_taken(db, connection_id, named)
    }
    return {
        key: source
        for key, source in sources.items()
        if len(identities[key]) == 1
        and all(
            len(holders[each]) == 1 and each not in taken for each in _list_identifiers(key[0], source.person)
        )
    }


def _list_taken(
    db: Db, connection_id: int, named: Sequence[tuple[ContactKey, Person]]
) -> list[tuple[int, str, str]]:
    here = [person for key, person in named if key[0] == connection_id]
    phones = [phone for person in here for phone in contacts.list_phones(person)]
    user_ids = [person.user_id for person in here if person.user_id]
    query = select(Contact.phone, Contact.user_id).where(
        Contact.connection_id == connection_id, or_(Contact.phone.in_(phones), Contact.user_id.in_(user_ids))
    )
    rows = db.execute(query).all()
    return [
        *((connection_id, "phone", row.phone) for row in rows if row.phone),
        *((connection_id, "user_id", row.user_id) for row in rows if row.user_id),
    ]


def _create_chats(db: Db, keys: Mapping[int, ContactKey], now: int) -> dict[int, int]:
    """Create the chats of new contacts and return their ids by contact."""
    rows: Sequence[dict[str, Any]] = [
        {"connection_id": key[0], "contact_id": contact_id, **values}
        for (contact_id, key), values in zip(
            keys.items(), contacts.build_chats(db, len(keys), now), strict=True
        )
    ]
    if not rows:
        return {}
    made = db.execute(
        build_insert(db, Chat).on_conflict_do_nothing().returning(Chat.id, Chat.contact_id), rows
    )
    return {row.contact_id: row.id for row in made}


def _list_identifiers(connection_id: int, person: Person) -> list[tuple[int, str, str]]:
    phones = [(connection_id, "phone", phone) for phone in contacts.list_phones(person)]
    return [*phones, *([(connection_id, "user_id", person.user_id)] if person.user_id else ())]


def _get_name(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return row["connection_id"], row["phone"], row["user_id"]
