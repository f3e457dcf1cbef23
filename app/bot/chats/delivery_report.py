"""Delivery report of a sent message: what receipts tell besides its state, in words; members of a group by name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.bot.display import format_contact_name
from app.bot.models import Contact, Message
from app.bot.states import MessageState
from app.channels.content.tolerant import to_dict
from app.immutable import immutable
from app.phone_numbers import list_spellings

# What a member's receipts say of it, the furthest first; whoever has read a message has got it, too.
_ORDER: Final = (
    MessageState.PLAYED,
    MessageState.READ,
    MessageState.DELIVERED,
    MessageState.FAILED,
    MessageState.SENT,
)
_COUNTED: Final[Mapping[str, frozenset[str]]] = {
    "Read by": frozenset({MessageState.READ, MessageState.PLAYED}),
    "Delivered to": frozenset({MessageState.DELIVERED, MessageState.READ, MessageState.PLAYED}),
    "Failed for": frozenset({MessageState.FAILED}),
}


@immutable
class MemberReceipt:
    """The furthest receipt of one member of a group, at a moment (ms)."""

    name: str
    state: str
    at: int


@immutable
class DeliveryReport:
    """What receipts tell: lines of label and value, members of a group, every error as code and text."""

    lines: Sequence[tuple[str, str]] = ()
    members: Sequence[MemberReceipt] = ()
    errors: Sequence[tuple[str, str]] = ()


def load_reports(session: Session, messages: Sequence[Message]) -> dict[int, DeliveryReport]:
    """Return the reports of messages by id; of most there is none."""
    told = [message for message in messages if message.delivery]
    names = _load_names(session, told)
    return {message.id: build_report(message.delivery or {}, names) for message in told}


def build_report(delivery: Mapping[str, Any], names: Mapping[str, str]) -> DeliveryReport:
    """Return the report of stored details (app.bot.delivery.receipt_details); `names` by number or user id."""
    members = [
        _build_member(names.get(key) or _format_key(key), moments)
        for key, moments in to_dict(delivery.get("participants")).items()
    ]
    members.sort(key=lambda member: (_ORDER.index(MessageState(member.state)), member.name))
    errors = [(str(each["code"]), str(each["text"])) for each in delivery.get("errors", ())]
    lines = (*_count_members(members), *_describe_pricing(to_dict(delivery.get("pricing"))))
    return DeliveryReport(lines, members, errors)


def _build_member(name: str, moments: Mapping[str, int]) -> MemberReceipt:
    state = next((each for each in _ORDER if each in moments), MessageState.SENT)
    return MemberReceipt(name, state.value, moments.get(state, 0))


def _count_members(members: Sequence[MemberReceipt]) -> Iterator[tuple[str, str]]:
    for label, states in _COUNTED.items():
        number = sum(member.state in states for member in members)
        if number:
            yield label, f"{number} of {len(members)}"


def _describe_pricing(pricing: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in (("category", "Category"), ("type", "Price"), ("pricing_model", "Pricing model")):
        if words := pricing.get(name):
            yield label, _format_words(str(words))
    if isinstance(pricing.get("billable"), bool):
        yield "Billable", "Yes" if pricing["billable"] else "No"


def _format_words(words: str) -> str:
    """Write a provider's word as people do; an abbreviation stays as it is."""
    return words if words.isupper() else words.replace("_", " ").capitalize()


def _format_key(key: str) -> str:
    return f"+{key}" if key.isdigit() else key


def _load_names(session: Session, messages: Sequence[Message]) -> dict[str, str]:
    told = {key for message in messages for key in to_dict((message.delivery or {}).get("participants"))}
    keys = {spelling for key in told for spelling in list_spellings(key)}
    if not keys:
        return {}
    people = session.scalars(
        select(Contact).where(
            Contact.connection_id.in_({message.connection_id for message in messages}),
            or_(Contact.phone.in_(keys), Contact.user_id.in_(keys)),
        )
    )
    named = [(format_contact_name(each), each) for each in people]
    return {
        key: name for name, each in named for key in (*list_spellings(each.phone or ""), each.user_id) if key
    }
