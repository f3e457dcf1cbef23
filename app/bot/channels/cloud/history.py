"""Messages that are never answered: our own phone's echoes and imported history (specs: whatsapp A5)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.bot.channels.cloud.kinds import Reading, read
from app.bot.channels.cloud.messages import inbound
from app.bot.channels.cloud.people import People, digits, people_of, person
from app.bot.channels.cloud.tolerant import listed, mapping
from app.bot.channels.contract import Item, Other, Person


def read_echoes(value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield what was typed in the phone app of our own number."""
    people, own = people_of(value), _own_number(value)
    for echo in listed(value, "message_echoes"):
        if isinstance(echo, dict):
            yield inbound(echo, _other_side(echo, own, people), read(echo), outgoing=True)
        else:
            yield Other("smb_message_echoes", echo)


def read_history(value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield old messages, of either side; files of theirs arrive later under `messages`."""
    people, own = people_of(value), _own_number(value)
    for chunk in listed(value, "history"):
        threads = listed(chunk, "threads")
        if not threads:
            yield Other("history", chunk)
        for thread in threads:
            yield from _thread(thread, own, people)
    for message in listed(value, "messages"):
        yield _old(message, own, people)


def _thread(thread: object, own: str, people: People) -> Iterator[Item]:
    peer = person(mapping(thread).get("id"), None, people)
    messages = listed(thread, "messages")
    if not messages:
        yield Other("history", thread)
    for message in messages:
        yield _old(message, own, people, peer)


def _old(message: object, own: str, people: People, peer: Person | None = None) -> Item:
    if not isinstance(message, dict):
        return Other("history", message)
    outgoing = bool(own) and digits(message.get("from")) == own
    peer = peer or _other_side(message, own, people)
    return inbound(message, peer, _silent(read(message)), outgoing=outgoing)


def _silent(reading: Reading) -> Reading:
    return replace(reading, triggers=False)


def _own_number(value: Mapping[str, Any]) -> str:
    return digits(mapping(value.get("metadata")).get("display_phone_number"))


def _other_side(message: Mapping[str, Any], own: str, people: People) -> Person | None:
    # `to` is the person by the documentation; some captures have the two sides swapped.
    to = message.get("to")
    if (to is None or (own and digits(to) == own)) and not message.get("to_user_id"):
        return person(message.get("from"), message.get("from_user_id"), people)
    return person(to, message.get("to_user_id"), people)
