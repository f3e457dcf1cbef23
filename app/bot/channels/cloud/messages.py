"""One message object to its items: the message itself and, for some system notes, a renamed person."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.bot.channels.cloud.kinds import MAX_ID, Reading, read
from app.bot.channels.cloud.people import People, person, user_key
from app.bot.channels.cloud.tolerant import ident, mapping, moment
from app.bot.channels.contract import Inbound, Item, Other, Person, Renamed


def read_message(message: object, people: People) -> Iterator[Item]:
    """Yield what a person's message says; without an id it is kept raw."""
    if not isinstance(message, dict):
        yield Other("messages", message)
        return
    sender = person(message.get("from"), message.get("from_user_id"), people)
    reading = read(message)
    yield inbound(message, sender, reading)
    if reading.kind == "system" and sender is not None:
        change = _renamed(mapping(message.get("system")), sender)
        if change is not None:
            yield change


def inbound(
    message: Mapping[str, Any], peer: Person | None, reading: Reading, *, outgoing: bool = False
) -> Inbound | Other:
    """Return a message of the chat with `peer`; `outgoing` marks what our own phone app sent."""
    provider_id = ident(message.get("id"), MAX_ID)
    if provider_id is None:
        return Other("messages", message)
    group_id = ident(message.get("group_id"), 140)
    # Nobody to answer: kept all the same.
    answerable = peer is not None or group_id is not None
    context = message.get("context")
    quoted = ident(context.get("id"), MAX_ID) if isinstance(context, dict) else None
    return Inbound(
        provider_id=provider_id,
        person=peer or Person(),
        kind=reading.kind,
        text=reading.text,
        at=moment(message.get("timestamp")),
        payload=message,
        triggers=reading.triggers and answerable and not outgoing,
        outgoing=outgoing,
        group_id=group_id,
        quoted_id=reading.quoted_id or quoted,
        edits=reading.edits,
        revokes=reading.revokes,
    )


def _renamed(system: Mapping[str, Any], sender: Person) -> Renamed | None:
    user = user_key(system.get("user_id"))
    if system.get("type") == "user_changed_number":
        now = person(system.get("wa_id") or system.get("new_wa_id"), user, {})
        old = sender
    elif system.get("type") == "user_changed_user_id" and user is not None:
        now = Person(user_id=user, phone=sender.phone)
        # Meta may name the sender by the new id already: then only the number leads to the old contact.
        old = sender if sender.user_id != user else Person(phone=sender.phone)
    else:
        return None
    if now is None or not (old.user_id or old.phone) or _same(old, now):
        return None
    return Renamed(old, Person(now.user_id, now.phone, sender.name, sender.username))


def _same(old: Person, now: Person) -> bool:
    return (now.user_id in {None, old.user_id}) and (now.phone in {None, old.phone})
