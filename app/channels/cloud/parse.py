"""Webhook JSON to items: tolerant, nothing raises, nothing is skipped (specs: whatsapp A4-A7, A14)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.channels.cloud.echoes import read_echoes, read_history, read_old_messages
from app.channels.cloud.errors import describe_error
from app.channels.cloud.message_types import MAX_ID
from app.channels.cloud.messages import (
    PeopleById,
    read_message_items,
    read_people,
    resolve_person,
    to_user_id,
)
from app.channels.content.notice_texts import describe_notice, find_group_titles, find_person
from app.channels.content.tolerant import get_list, to_dict, to_identifier, to_millis, to_text
from app.channels.contract import (
    AccountBatch,
    IdentityChange,
    InboundMessage,
    Item,
    Person,
    RawItem,
    Status,
)

# What the columns hold: Connection.account and Notice.field.
_MAX_ACCOUNT = 64
_MAX_FIELD = 64


def parse(payload: object) -> list[AccountBatch]:
    """Return the items of a webhook in its order, one batch for each run of changes of one account."""
    parts: list[tuple[str | None, list[Item]]] = []
    for change in _iterate_changes(payload):
        account, items = _read_change(change)
        if parts and parts[-1][0] == account:
            parts[-1][1].extend(items)
        else:
            parts.append((account, items))
    return [AccountBatch(account, items) for account, items in parts]


def _iterate_changes(payload: object) -> Iterator[dict[str, Any] | RawItem]:
    entries = payload.get("entry") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        yield RawItem("malformed", payload)
        return
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            yield RawItem("malformed", entry)
            continue
        for change in changes:
            yield change if isinstance(change, dict) else RawItem("malformed", change)


def _read_change(change: dict[str, Any] | RawItem) -> tuple[str | None, list[Item]]:
    if isinstance(change, RawItem):
        return None, [change]
    value = change.get("value")
    if not isinstance(value, dict):
        return None, [RawItem("malformed", change)]
    # Gateways that strip the envelope leave the field out; messages are what they pass on.
    name = change.get("field") or "messages"
    if not isinstance(name, str):
        return _find_account(value), [RawItem("malformed", change)]
    return _find_account(value), list(_read_value(to_text(name)[:_MAX_FIELD], value))


def _read_value(name: str, value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield every part of a value: those we read by their key whatever the field, the rest as notices."""
    rest = dict(value)
    found = False
    for key, reader in _PARTS.items():
        if key in value and (key != "errors" or name in _KNOWN_FIELDS):
            items, rest[key] = reader(name, value)
            found = found or bool(items)
            yield from items
    others = {key: part for key, part in rest.items() if key not in _ENVELOPE and part not in _NOTHING}
    if not found and not (others and name == "messages"):
        yield from _build_notices(name, value)
    elif name == "messages":
        for key, part in others.items():
            yield from _build_notices(key[:_MAX_FIELD], {key: part})
    elif others:
        yield from _build_notices(name, others)


def _build_notices(name: str, value: Mapping[str, Any]) -> Iterator[RawItem]:
    """Yield a notice for each person or call that a value tells of, else one for all of it."""
    key = next((each for each in _LISTED if len(get_list(value, each)) > 1), None)
    if key is None:
        yield build_notice(name, value)
    else:
        yield from (build_notice(name, {**value, key: [entry]}) for entry in get_list(value, key))


def _find_account(value: Mapping[str, Any]) -> str | None:
    metadata = value.get("metadata")
    return (
        to_identifier(metadata.get("phone_number_id"), _MAX_ACCOUNT) if isinstance(metadata, dict) else None
    )


def build_notice(field: str, payload: Any) -> RawItem:
    """Return a part of a webhook as a notice: how much it matters, whom it is about, which groups it names."""
    level = describe_notice(field, payload).level
    return RawItem(field, payload, level, find_person(payload), tuple(find_group_titles(payload)))


# What a reader of a part gives: its items, and what it leaves to the notices.
_Part = tuple[Sequence[Item], Any]


def _read_messages(name: str, value: Mapping[str, Any]) -> _Part:
    if name == "history":
        return list(read_old_messages(value)), None
    messages = get_list(value, "messages")
    people = read_people(value, messages)
    items = [item for message in messages for item in read_message_items(message, people)]
    if name not in _ANSWERED_FIELDS:
        # Chats that another app holds (`standby`), and whatever else Meta may pass on beside our own.
        items = [replace(i, is_trigger=False) if isinstance(i, InboundMessage) else i for i in items]
    return items, None


def _read_statuses(_name: str, value: Mapping[str, Any]) -> _Part:
    statuses = get_list(value, "statuses")
    calls = [each for each in statuses if isinstance(each, dict) and each.get("type") == "call"]
    people = read_people(value)
    return [read_status(each, people) for each in statuses if each not in calls], calls


def _read_errors(_name: str, value: Mapping[str, Any]) -> _Part:
    return [build_notice("errors", error) for error in get_list(value, "errors")], None


def _read_user_ids(_name: str, value: Mapping[str, Any]) -> _Part:
    people = read_people(value)
    updates = get_list(value, "user_id_update")
    return [
        _parse_identity_change(update, people) or RawItem("user_id_update", update) for update in updates
    ], None


def _parse_identity_change(update: object, people: PeopleById) -> IdentityChange | None:
    data = to_dict(update)
    change = to_dict(data.get("user_id"))
    old, new = to_user_id(change.get("previous")), to_user_id(change.get("current"))
    if old is None or new is None or old == new:
        return None
    now = resolve_person(data.get("wa_id"), new, people)
    return IdentityChange(Person(user_id=old), now) if now else None


# In the order in which they change people and messages.
_PARTS: Mapping[str, Callable[[str, Mapping[str, Any]], _Part]] = {
    "user_id_update": _read_user_ids,
    "history": lambda _name, value: (list(read_history(value)), None),
    "messages": _read_messages,
    "message_echoes": lambda _name, value: (list(read_echoes(value)), None),
    "statuses": _read_statuses,
    "errors": _read_errors,
}
# Lists whose entries are about people of their own.
_LISTED = ("user_preferences", "calls")
_ENVELOPE = frozenset({"messaging_product", "metadata", "contacts"})
_NOTHING = (None, [], {}, "")
_ANSWERED_FIELDS = frozenset({"messages", "smb_message_echoes", "calls"})
_KNOWN_FIELDS = _ANSWERED_FIELDS | {"history", "user_id_update"}

# What the columns hold; Meta echoes at most 512 characters of ours.
_MAX_WORD = 20
_MAX_KEY = 512
_MAX_ERRORS = 20
_PRICING = ("category", "type", "pricing_model")
_NO_PEOPLE: PeopleById = {}


def read_status(status: object, people: PeopleById = _NO_PEOPLE) -> Status | RawItem:
    """Return the receipt, with any word Meta may invent; without an id or a word it is kept raw."""
    if not isinstance(status, dict):
        return RawItem("statuses", status)
    provider_id, word = to_identifier(status.get("id"), MAX_ID), to_text(status.get("status"))[:_MAX_WORD]
    if provider_id is None or not word:
        return RawItem("statuses", status)
    errors = [describe_error(each) for each in get_list(status, "errors")[:_MAX_ERRORS]]
    code, sentence = errors[0] if errors else (None, None)
    recipient = resolve_person(status.get("recipient_id"), status.get("recipient_user_id"), people)
    member = resolve_person(
        status.get("recipient_participant_id"), status.get("recipient_participant_user_id"), people
    )
    is_group = status.get("recipient_type") == "group" or "group_id" in status
    known = member if is_group else recipient
    return Status(
        provider_id=provider_id,
        status=word,
        at=to_millis(status.get("timestamp")),
        key=to_identifier(status.get("biz_opaque_callback_data"), _MAX_KEY),
        error_code=code,
        error=sentence,
        payload=status,
        person=known if known and known.phone and known.user_id else None,
        participant=(member.phone or member.user_id) if member else None,
        details=_read_details(status, errors),
    )


def _read_details(
    status: Mapping[str, Any], errors: Sequence[tuple[str | None, str | None]]
) -> dict[str, Any]:
    """Return what a receipt tells besides: what was charged, and every error; empty for most."""
    found: dict[str, Any] = {}
    if isinstance(status.get("pricing"), dict):
        texts = {name: to_text(status["pricing"].get(name))[:60] for name in _PRICING}
        billable = status["pricing"].get("billable")
        found["pricing"] = {name: words for name, words in texts.items() if words} | (
            {"billable": billable} if isinstance(billable, bool) else {}
        )
    if errors:
        found["errors"] = [{"code": code or "", "text": (words or "")[:500]} for code, words in errors]
    return found
