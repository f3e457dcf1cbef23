"""What an operator sets going again: single messages, and connections that were parked."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.bot import statuses
from app.bot.models import Chat, Connection, Message


def replay(session: Session, message_id: int, now: int) -> bool:
    """Handle a dead inbound, or send a dead, failed or held outbound message again; false when it is none."""
    message = session.get(Message, message_id)
    if message is None or message.author == "phone":
        return False
    chat = session.get_one(Chat, message.chat_id, with_for_update={"key_share": True})
    if message.direction == "in" and message.state == "dead":
        message.state = "new"
        chat.pending += 1
    elif message.direction == "out" and message.state in {"dead", "failed", "held"}:
        message.state, message.next_at = "retry", now
        # A late receipt of the former send must not speak for the new one.
        message.key, message.provider_id = statuses.next_key(message.key or ""), None
        message.sent_at = None
    else:
        return False
    message.attempts, message.error_code, message.error, message.failed_at = 0, None, None, None
    chat.ready_at = min(chat.ready_at or now, now)
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
