"""What receipts tell besides the state: price, every error, and the members of a group one by one."""

from collections.abc import Mapping
from typing import Any, Final

from app.bot.states import MessageState
from app.channels.contract import Status
from app.phone_numbers import unify
from app.text import to_json

_MAX_ERRORS: Final = 20
_MAX_PARTICIPANTS: Final = 1_024  # the largest group
# That one member has it says that it went out, and nothing of the others.
_GROUP_STATES: Final[Mapping[str, str]] = {
    MessageState.SENT: MessageState.SENT,
    MessageState.DELIVERED: MessageState.DELIVERED,
    MessageState.READ: MessageState.DELIVERED,
    MessageState.PLAYED: MessageState.DELIVERED,
}


def get_message_state(status: Status) -> str:
    """Return the state a receipt gives to the whole message; empty when it speaks of one member's failure."""
    return _GROUP_STATES.get(status.status, "") if status.participant else status.status


def merge(known: Mapping[str, Any] | None, status: Status) -> dict[str, Any] | None:
    """Return what is known of a message with a receipt added; the order and number of receipts do not matter.

    `pricing` has WhatsApp's words, `errors` each a `code` and `text`, `participants` by number or user id the moment
    (ms) of each state.
    """
    if not status.details and not status.participant:
        return dict(known) if known is not None else None
    new = dict(known or {})
    if pricing := status.details.get("pricing"):
        stored = new.get("pricing", pricing)
        new["pricing"] = stored if stored == pricing else min(stored, pricing, key=to_json)
    if errors := status.details.get("errors"):
        every = {(each["code"], each["text"]) for each in (*new.get("errors", ()), *errors)}
        new["errors"] = [{"code": code, "text": text} for code, text in sorted(every)[:_MAX_ERRORS]]
    if status.participant:
        _merge_participant(new, status)
    return new


def _merge_participant(new: dict[str, Any], status: Status) -> None:
    members = dict(new.get("participants", {}))
    name = unify(status.participant or "")
    if name not in members and len(members) >= _MAX_PARTICIPANTS:
        return
    moments = dict(members.get(name, {}))
    moments[status.status] = min(moments.get(status.status, status.at), status.at)
    members[name] = dict(sorted(moments.items()))
    new["participants"] = dict(sorted(members.items()))
