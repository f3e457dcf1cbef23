"""From a webhook's JSON to items: nothing raises, nothing is skipped (specs: whatsapp A4-A7, A14)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.bot.channels.cloud.history import read_echoes, read_history
from app.bot.channels.cloud.messages import read_message
from app.bot.channels.cloud.people import People, people_of, person, user_key
from app.bot.channels.cloud.statuses import read_status
from app.bot.channels.cloud.tolerant import ident, listed, mapping, words
from app.bot.channels.contract import Batch, Item, Other, Person, Renamed

# What the columns hold: Connection.account and Notice.field.
_MAX_ACCOUNT = 64
_MAX_FIELD = 64


def parse(payload: object) -> list[Batch]:
    """Return the items of a webhook in its order, one batch for each run of changes of one account."""
    parts: list[tuple[str | None, list[Item]]] = []
    for change in _changes(payload):
        account, items = _read(change)
        if parts and parts[-1][0] == account:
            parts[-1][1].extend(items)
        else:
            parts.append((account, items))
    return [Batch(account, items) for account, items in parts]


def accounts(payload: object) -> set[str]:
    """Return the phone number ids a webhook speaks of, without reading its items."""
    values = (mapping(change.get("value")) for change in _changes(payload) if isinstance(change, dict))
    return {account for value in values if (account := _account(value)) is not None}


def _changes(payload: object) -> Iterator[dict[str, Any] | Other]:
    entries = payload.get("entry") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        yield Other("malformed", payload)
        return
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            yield Other("malformed", entry)
            continue
        for change in changes:
            yield change if isinstance(change, dict) else Other("malformed", change)


def _read(change: dict[str, Any] | Other) -> tuple[str | None, list[Item]]:
    if isinstance(change, Other):
        return None, [change]
    value = change.get("value")
    if not isinstance(value, dict):
        return None, [Other("malformed", change)]
    # Gateways that strip the envelope leave the field out; messages are what they pass on.
    name = change.get("field") or "messages"
    if not isinstance(name, str):
        return _account(value), [Other("malformed", change)]
    reader = _READERS.get(name)
    items = list(reader(value)) if reader else []
    return _account(value), items or [Other(words(name)[:_MAX_FIELD], value)]


def _account(value: Mapping[str, Any]) -> str | None:
    metadata = value.get("metadata")
    return ident(metadata.get("phone_number_id"), _MAX_ACCOUNT) if isinstance(metadata, dict) else None


def _messages(value: Mapping[str, Any]) -> Iterator[Item]:
    people = people_of(value)
    for message in listed(value, "messages"):
        yield from read_message(message, people)
    for status in listed(value, "statuses"):
        yield read_status(status)
    for error in listed(value, "errors"):
        yield Other("errors", error)


def _user_ids(value: Mapping[str, Any]) -> Iterator[Item]:
    people = people_of(value)
    for update in listed(value, "user_id_update"):
        yield _renamed(update, people) or Other("user_id_update", update)


def _renamed(update: object, people: People) -> Renamed | None:
    data = mapping(update)
    change = mapping(data.get("user_id"))
    old, new = user_key(change.get("previous")), user_key(change.get("current"))
    if old is None or new is None or old == new:
        return None
    now = person(data.get("wa_id"), new, people)
    return Renamed(Person(user_id=old), now) if now else None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Item]]] = {
    "messages": _messages,
    "smb_message_echoes": read_echoes,
    "history": read_history,
    "user_id_update": _user_ids,
}
