"""Actions on a failed message: send again, resolve, dismiss, restore; resume of a paused connection."""

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot import wakeup
from app.bot.delivery import attempts
from app.bot.failures.causes import classify_failure
from app.bot.models import Chat, Connection, Message
from app.bot.models.message_keys import build_next_key
from app.bot.states import REDRIVABLE_STATES, UNCERTAIN_STATES, Author, Direction, FailureAction, MessageState
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.immutable import immutable

SETTLED: Final = "settled"
_WAITING_STATES: Final = (MessageState.QUEUED, MessageState.RETRY)


@immutable
class Actor:
    """The operator who acts, and the bulk action it is part of."""

    user_id: int | None = None
    bulk_action_id: int | None = None


NO_ACTOR: Final = Actor()


def retry(session: Session, message_id: int, now: int, by: Actor = NO_ACTOR) -> bool:
    """Handle a dead inbound, or send a dead, failed or held outbound message again; false when it is none.

    One that waits for the repair of its connection goes at once. Pacing and a parked connection still hold it back.
    """
    found = _lock_message(session, message_id)
    if found is None:
        return False
    message, chat = found
    before = (message.error_code, message.error)
    if not _reset_for_retry(message, chat, now):
        return False
    message.dismissed_at = None
    attempts.record_action(
        session,
        message.id,
        FailureAction.RETRY,
        now,
        before=before,
        user_id=by.user_id,
        bulk_action_id=by.bulk_action_id,
    )
    wakeup.wake_chat(session, chat, now)
    _send_changed(session, message)
    return True


def _reset_for_retry(message: Message, chat: Chat, now: int) -> bool:
    if message.author == Author.PHONE:
        return False
    if message.direction == Direction.IN and message.state == MessageState.DEAD:
        message.state = MessageState.NEW
        chat.pending += 1
    elif message.direction == Direction.OUT and message.state in REDRIVABLE_STATES:
        message.state, message.next_at = MessageState.RETRY, now
        # A late receipt of the former send must not speak for the new one.
        message.key, message.provider_id = build_next_key(message.key or ""), None
        message.sent_at = message.accepted_at = None
    elif (
        message.state == MessageState.RETRY
        and classify_failure(message.state, message.error_code).needs_connection_repair
    ):
        # Refused for certain, and in line already: it keeps its name and its reason until it is taken.
        message.next_at = now
        return True
    else:
        return False
    message.attempts, message.error_code, message.error, message.failed_at = 0, None, None, None
    return True


def settle(session: Session, message_id: int, now: int, *, arrived: bool, by: Actor = NO_ACTOR) -> bool:
    """Settle a send of unknown outcome as sent or failed; false when it is none (any more). `now` in ms."""
    found = _lock_message(session, message_id)
    if found is None or found[0].direction != Direction.OUT or found[0].state not in UNCERTAIN_STATES:
        return False
    message, chat = found
    outcome, before = (
        FailureAction.SETTLE_SENT if arrived else FailureAction.SETTLE_FAILED,
        (message.error_code, message.error),
    )
    message.next_at = message.error_code = message.error = None
    if arrived:
        message.state, message.sent_at, message.failed_at = MessageState.SENT, message.sent_at or now, None
    else:
        message.state, message.failed_at, message.dismissed_at = MessageState.FAILED, now, now
        message.error_code, message.error = SETTLED, "Resolved by an operator: it did not arrive."
    attempts.record_action(
        session, message.id, outcome, now, before=before, user_id=by.user_id, bulk_action_id=by.bulk_action_id
    )
    wakeup.wake_chat(session, chat, now)
    _send_changed(session, message)
    return True


def dismiss(session: Session, message_id: int, now: int, by: Actor = NO_ACTOR) -> bool:
    """Dismiss a failure without changing its state; false when there is nothing to dismiss."""
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.dismissed_at is not None or message.state not in REDRIVABLE_STATES:
        return False
    message.dismissed_at = now
    attempts.record_action(
        session, message.id, FailureAction.DISMISS, now, user_id=by.user_id, bulk_action_id=by.bulk_action_id
    )
    _send_changed(session, message)
    return True


def restore(session: Session, message_id: int, now: int, by: Actor = NO_ACTOR) -> bool:
    """Undo `dismiss`; false when it was not dismissed."""
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.dismissed_at is None:
        return False
    message.dismissed_at = None
    attempts.record_action(
        session, message.id, FailureAction.RESTORE, now, user_id=by.user_id, bulk_action_id=by.bulk_action_id
    )
    _send_changed(session, message)
    return True


def resume_connection(session: Session, connection_id: int, now: int) -> None:
    """Let a parked connection send again, and everything that waited for it."""
    connection = session.get_one(Connection, connection_id)
    connection.parked_until, connection.parked_reason = 0, ""
    name_action(session, "sending resumed")
    session.flush()
    waiting = select(Message.chat_id).where(
        Message.connection_id == connection_id, Message.state.in_(_WAITING_STATES)
    )
    session.execute(
        update(Message)
        .where(Message.connection_id == connection_id, Message.state.in_(_WAITING_STATES))
        .values(next_at=now)
    )
    wakeup.wake_free_chats(session, waiting, now)
    send_changed(session, topics.connections(), topics.dashboard())


def _send_changed(session: Session, message: Message) -> None:
    send_changed(session, topics.failures(), topics.chats(), topics.dashboard(), topics.chat(message.chat_id))


def _lock_message(session: Session, message_id: int) -> tuple[Message, Chat] | None:
    """Lock a message behind its chat, as transactions B and C do, and read it as it is now."""
    chat_id = session.scalar(select(Message.chat_id).where(Message.id == message_id))
    if chat_id is None:
        return None
    locking = {"with_for_update": {"key_share": True}, "populate_existing": True}
    chat = session.get_one(Chat, chat_id, **locking)
    message = session.get(Message, message_id, **locking)
    return (message, chat) if message else None
