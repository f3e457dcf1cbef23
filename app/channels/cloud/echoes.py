"""Parser of messages that are never answered: echoes of the phone app, imported history (specs: whatsapp A5)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.channels.cloud.message_types import ParsedMessage, parse_message
from app.channels.cloud.messages import PeopleById, build_inbound, read_people, resolve_person, to_digits
from app.channels.content.tolerant import get_list, to_dict
from app.channels.contract import Item, Person, RawItem


def read_echoes(value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield what was typed in the phone app of our own number."""
    people, own = read_people(value), _find_own_number(value)
    for echo in get_list(value, "message_echoes"):
        if isinstance(echo, dict):
            yield build_inbound(echo, _find_peer(echo, own, people), parse_message(echo), outgoing=True)
        else:
            yield RawItem("smb_message_echoes", echo)


def read_history(value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the messages of old threads, of either side."""
    people, own = read_people(value), _find_own_number(value)
    for chunk in get_list(value, "history"):
        threads = get_list(chunk, "threads")
        if not threads:
            yield RawItem("history", chunk)
        for thread in threads:
            yield from _read_thread(thread, own, people)


def read_old_messages(value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield messages of the history that came apart from their thread: those with a file."""
    people, own = read_people(value), _find_own_number(value)
    for message in get_list(value, "messages"):
        yield _read_old_message(message, own, people)


def _read_thread(thread: object, own: str, people: PeopleById) -> Iterator[Item]:
    peer = resolve_person(to_dict(thread).get("id"), None, people)
    messages = get_list(thread, "messages")
    if not messages:
        yield RawItem("history", thread)
    for message in messages:
        yield _read_old_message(message, own, people, peer)


def _read_old_message(message: object, own: str, people: PeopleById, peer: Person | None = None) -> Item:
    if not isinstance(message, dict):
        return RawItem("history", message)
    outgoing = bool(own) and to_digits(message.get("from")) == own
    peer = peer or _find_peer(message, own, people)
    return build_inbound(message, peer, _mute_trigger(parse_message(message)), outgoing=outgoing)


def _mute_trigger(parsed: ParsedMessage) -> ParsedMessage:
    return replace(parsed, is_trigger=False)


def _find_own_number(value: Mapping[str, Any]) -> str:
    return to_digits(to_dict(value.get("metadata")).get("display_phone_number"))


def _find_peer(message: Mapping[str, Any], own: str, people: PeopleById) -> Person | None:
    # `to` is the person by the documentation; some captures have the two sides swapped.
    to = message.get("to")
    if (to is None or (own and to_digits(to) == own)) and not message.get("to_user_id"):
        return resolve_person(message.get("from"), message.get("from_user_id"), people)
    return resolve_person(to, message.get("to_user_id"), people)
