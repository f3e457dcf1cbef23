"""What an operator does about a failure: sends it again, settles it, sets it aside; and lets connections go on."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.bot import attempts, statuses
from app.bot.causes import cause_of
from app.bot.models import Chat, Connection, Message

SETTLED: Final = "settled"


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, and as part of which errand."""

    user_id: int | None = None
    errand_id: int | None = None


NOBODY: Final = By()


def replay(session: Session, message_id: int, now: int, by: By = NOBODY) -> bool:
    """Handle a dead inbound, or send a dead, failed or held outbound message again; false when it is none.

    One that waits for the repair of its connection goes at once. Pacing and a parked connection still hold it back.
    """
    found = _locked(session, message_id)
    if found is None:
        return False
    message, chat = found
    before = (message.error_code, message.error)
    if not _again(message, chat, now):
        return False
    message.aside_at = None
    attempts.note(
        session, message.id, "again", now, before=before, user_id=by.user_id, errand_id=by.errand_id
    )
    wake(chat, now)
    return True


def _again(message: Message, chat: Chat, now: int) -> bool:
    if message.author == "phone":
        return False
    if message.direction == "in" and message.state == "dead":
        message.state = "new"
        chat.pending += 1
    elif message.direction == "out" and message.state in {"dead", "failed", "held"}:
        message.state, message.next_at = "retry", now
        # A late receipt of the former send must not speak for the new one.
        message.key, message.provider_id = statuses.next_key(message.key or ""), None
        message.sent_at = message.accepted_at = None
    elif message.state == "retry" and cause_of(message.state, message.error_code).parks:
        # Refused for certain, and in line already: it keeps its name and its reason until it is taken.
        message.next_at = now
        return True
    else:
        return False
    message.attempts, message.error_code, message.error, message.failed_at = 0, None, None, None
    return True


def settle(session: Session, message_id: int, now: int, *, arrived: bool, by: By = NOBODY) -> bool:
    """End a send of unknown outcome by an operator's word; false when it is none (any more)."""
    found = _locked(session, message_id)
    if found is None or found[0].direction != "out" or found[0].state not in {"held", "unknown"}:
        return False
    message, chat = found
    outcome, before = "as_sent" if arrived else "as_failed", (message.error_code, message.error)
    message.next_at = message.error_code = message.error = None
    if arrived:
        message.state, message.sent_at, message.failed_at = "sent", message.sent_at or now, None
    else:
        message.state, message.failed_at, message.aside_at = "failed", now, now
        message.error_code, message.error = SETTLED, "An operator settled it: it did not arrive."
    attempts.note(
        session, message.id, outcome, now, before=before, user_id=by.user_id, errand_id=by.errand_id
    )
    wake(chat, now)
    return True


def set_aside(session: Session, message_id: int, now: int, by: By = NOBODY) -> bool:
    """Put a failure away without changing what became of it; false when there is nothing to put away."""
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.aside_at is not None or message.state not in {"dead", "failed", "held"}:
        return False
    message.aside_at = now
    attempts.note(session, message.id, "aside", now, user_id=by.user_id, errand_id=by.errand_id)
    return True


def bring_back(session: Session, message_id: int, now: int, by: By = NOBODY) -> bool:
    """Take `set_aside` back; false when it was not set aside."""
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.aside_at is None:
        return False
    message.aside_at = None
    attempts.note(session, message.id, "back", now, user_id=by.user_id, errand_id=by.errand_id)
    return True


def resume_connection(session: Session, connection_id: int, now: int) -> None:
    """Let a parked connection send again, and everything that waited for it."""
    connection = session.get_one(Connection, connection_id)
    connection.parked_until, connection.parked_reason = 0, ""
    session.flush()
    waiting = select(Message.chat_id).where(
        Message.connection_id == connection_id, Message.state.in_(("queued", "retry"))
    )
    session.execute(
        update(Message)
        .where(Message.connection_id == connection_id, Message.state.in_(("queued", "retry")))
        .values(next_at=now)
    )
    session.execute(update(Chat).where(Chat.id.in_(waiting), Chat.lease_until <= now).values(ready_at=now))


def _locked(session: Session, message_id: int) -> tuple[Message, Chat] | None:
    """Lock a message behind its chat, as transactions B and C do, and read it as it is now."""
    chat_id = session.scalar(select(Message.chat_id).where(Message.id == message_id))
    if chat_id is None:
        return None
    locking = {"with_for_update": {"key_share": True}, "populate_existing": True}
    chat = session.get_one(Chat, chat_id, **locking)
    message = session.get(Message, message_id, **locking)
    return (message, chat) if message else None


def wake(chat: Chat, now: int) -> None:
    """Have a locked chat looked at: something in it is to be sent or handled."""
    if chat.lease_until > now:
        # Whoever serves the chat now has not seen this: they look once more before they let it go.
        chat.pending += 1
    chat.ready_at = min(chat.ready_at or now, now)
