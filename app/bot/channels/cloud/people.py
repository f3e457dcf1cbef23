"""Who a webhook speaks of: phone numbers, business-scoped user ids and names (specs: whatsapp A4, A14)."""

import re
from collections.abc import Mapping

from app.bot.channels.cloud.tolerant import ident, listed, mapping, words
from app.bot.channels.contract import Person

People = Mapping[str, Person]

_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
_NOT_DIGITS = re.compile(r"\D")
_NOBODY: dict[str, Person] = {}


def people_of(value: object) -> People:
    """Return the contacts of a value by each of their ids: their order says nothing about the messages."""
    contacts = listed(value, "contacts")
    if not contacts:
        return _NOBODY
    found: dict[str, Person] = {}
    for contact in contacts:
        person = _contact(contact)
        for name in (person.user_id, person.phone):
            if name:
                found[name] = person
    return found


def person(phone: object, user_id: object, people: People) -> Person | None:
    """Return whom a message names, completed from the contacts; None when it names nobody."""
    number, user = _address(phone)
    user = user_key(user_id) or user
    known = people.get(user or "") or people.get(number or "")
    if known is None:
        return Person(user, number) if user or number else None
    if (user is None or user == known.user_id) and (number is None or number == known.phone):
        return known
    return Person(user or known.user_id, number or known.phone, known.name, known.username)


def user_key(value: object) -> str | None:
    """Return a business-scoped user id as it is stored (at most 140 characters), None for junk."""
    return ident(value, 140)


def digits(value: object) -> str:
    """Return the digits of a number written for people ("+1 555-0100")."""
    return _NOT_DIGITS.sub("", words(value))


def _contact(contact: object) -> Person:
    data = mapping(contact)
    profile = mapping(data.get("profile"))
    number, user = _address(data.get("wa_id"))
    name, username = words(profile.get("name"))[:200], words(profile.get("username"))[:100]
    return Person(user_key(data.get("user_id")) or user, number, name, username)


def _address(value: object) -> tuple[str | None, str | None]:
    # A phone number, or a user id where an emulator or a gateway puts it in the place of the number.
    if type(value) is str and value.isdigit() and value.isascii() and len(value) <= 32:
        return value, None
    text = ident(value, 140)
    if text is None:
        return None, None
    if _USER_ID.fullmatch(text):
        return None, text
    number = text.removeprefix("+")
    return (number, None) if 0 < len(number) <= 32 else (None, None)
