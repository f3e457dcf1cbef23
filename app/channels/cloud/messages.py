"""Parser of one inbound message: sender, ids, times, renamed contacts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.channels.cloud.message_types import MAX_ID, ParsedMessage, parse_message
from app.channels.content.tolerant import get_list, to_dict, to_identifier, to_millis, to_text
from app.channels.contract import IdentityChange, InboundMessage, Item, Person, RawItem
from app.phone_numbers import unify

PeopleById = Mapping[str, Person]


def read_message_items(message: object, people: PeopleById) -> Iterator[Item]:
    """Yield what a person's message says; without an id it is kept raw."""
    if not isinstance(message, dict):
        yield RawItem("messages", message)
        return
    sender = resolve_person(message.get("from"), message.get("from_user_id"), people)
    reading = parse_message(message)
    yield build_inbound(message, sender, reading)
    if reading.kind == "system" and sender is not None:
        change = _parse_identity_change(to_dict(message.get("system")), sender)
        if change is not None:
            yield change


def build_inbound(
    message: Mapping[str, Any], peer: Person | None, parsed: ParsedMessage, *, outgoing: bool = False
) -> InboundMessage | RawItem:
    """Return a message of the chat with `peer`; `outgoing` marks what our own phone app sent."""
    provider_id = to_identifier(message.get("id"), MAX_ID)
    if provider_id is None:
        return RawItem("messages", message)
    group_id = to_identifier(message.get("group_id"), 140)
    # Nobody to answer: kept all the same.
    answerable = peer is not None or group_id is not None
    context = message.get("context")
    quoted = to_identifier(context.get("id"), MAX_ID) if isinstance(context, dict) else None
    return InboundMessage(
        provider_id=provider_id,
        person=peer or Person(),
        kind=parsed.kind,
        text=parsed.text,
        at=to_millis(message.get("timestamp")),
        payload=message,
        is_trigger=parsed.is_trigger and answerable and not outgoing,
        outgoing=outgoing,
        group_id=group_id,
        quoted_id=parsed.quoted_id or quoted,
        edited_id=parsed.edited_id,
        revoked_id=parsed.revoked_id,
    )


def _parse_identity_change(system: Mapping[str, Any], sender: Person) -> IdentityChange | None:
    user = to_user_id(system.get("user_id"))
    if system.get("type") == "user_changed_number":
        now = resolve_person(system.get("wa_id") or system.get("new_wa_id"), user, {})
        old = sender
    elif system.get("type") == "user_changed_user_id" and user is not None:
        now = Person(user_id=user, phone=sender.phone)
        # Meta may name the sender by the new id already: then only the number leads to the old contact.
        old = sender if sender.user_id != user else Person(phone=sender.phone)
    else:
        return None
    if now is None or not (old.user_id or old.phone) or _is_same(old, now):
        return None
    return IdentityChange(old, Person(now.user_id, now.phone, sender.name, sender.username))


def _is_same(old: Person, now: Person) -> bool:
    return (now.user_id in {None, old.user_id}) and (now.phone in {None, old.phone})


_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
_NOT_DIGITS = re.compile(r"\D")
# What people and gateways write between the digits of a number.
_SEPARATORS = re.compile(r"[\s().\-/]")
_NO_PEOPLE: dict[str, Person] = {}


# Stands for the one person of a value in its people; no id is empty.
_ONLY = ""


def read_people(value: object, messages: Sequence[object] = ()) -> PeopleById:
    """Return the contacts of a value by each of their ids: their order says nothing about the messages.

    The only contact is the one writer of the `messages`, also where their ids differ.
    """
    contacts = get_list(value, "contacts")
    if not contacts:
        return _NO_PEOPLE
    found: dict[str, Person] = {}
    for contact in contacts:
        person = _read_contact(contact)
        for name in (person.user_id, person.phone):
            if name:
                found[name] = person
        if person.phone:
            # The same number may be spelled otherwise in the message.
            found.setdefault(unify(person.phone), person)
    if len(contacts) == 1 and len(_list_writers(messages)) == 1:
        found[_ONLY] = _read_contact(contacts[0])
    return found


def _list_writers(messages: Sequence[object]) -> set[tuple[str, str]]:
    written = (to_dict(each) for each in messages)
    return {
        (to_text(each.get("from")), to_text(each.get("from_user_id")))
        for each in written
        if each.get("type") != "system"
    }


def resolve_person(phone: object, user_id: object, people: PeopleById) -> Person | None:
    """Return whom a message names, completed from the contacts; None when it names nobody."""
    number, user = _parse_address(phone)
    user = to_user_id(user_id) or user
    known = (people.get(user) if user else None) or (people.get(number) if number else None)
    known = known or (people.get(unify(number)) if number else None)
    known = known or people.get(_ONLY)
    if known is None:
        return Person(user, number) if user or number else None
    if (user is None or user == known.user_id) and (number is None or number == known.phone):
        return known
    return Person(user or known.user_id, number or known.phone, known.name, known.username)


def to_user_id(value: object) -> str | None:
    """Return a business-scoped user id as it is stored (at most 140 characters), None for junk."""
    return to_identifier(value, 140)


def to_digits(value: object) -> str:
    """Return the digits of a number written for people ("+1 555-0100")."""
    return _NOT_DIGITS.sub("", to_text(value))


def _read_contact(contact: object) -> Person:
    data = to_dict(contact)
    profile = to_dict(data.get("profile"))
    number, user = _parse_address(data.get("wa_id"))
    name, username = to_text(profile.get("name"))[:200], to_text(profile.get("username"))[:100]
    return Person(to_user_id(data.get("user_id")) or user, number, name, username)


def _parse_address(value: object) -> tuple[str | None, str | None]:
    # A phone number, or a user id where an emulator or a gateway puts it in the place of the number.
    if type(value) is str and value.isdigit() and value.isascii() and len(value) <= 32:
        return value, None
    text = to_identifier(value, 140)
    if text is None:
        return None, None
    if _USER_ID.fullmatch(text):
        return None, text
    number = text.removeprefix("+")
    digits = _SEPARATORS.sub("", number)
    number = digits if digits.isdigit() and digits.isascii() else number
    return (number, None) if 0 < len(number) <= 32 else (None, None)
