"""Handoff: a chat in which a person answers and the brain is silent, until somebody lets it go on."""

from sqlalchemy import update

from app.bot.models import Chat
from app.signals import changed
from app.writer import Database

REASON_CHARS = 200


def pause(database: Database, chat_id: int, reason: str, now: int) -> bool:
    """Silence the brain in a chat, from the present turn on; false when it was silent already or is not there."""
    news = {"paused_at": now, "pause_reason": reason.strip()[:REASON_CHARS]}
    return _change(database, chat_id, Chat.paused_at.is_(None), news)


def resume(database: Database, chat_id: int) -> bool:
    """Let the brain answer again, from the next message on; false when it was not silent."""
    return _change(database, chat_id, Chat.paused_at.is_not(None), {"paused_at": None, "pause_reason": ""})


def _change(database: Database, chat_id: int, unless: object, news: dict[str, object]) -> bool:
    query = update(Chat).where(Chat.id == chat_id, unless).values(news)  # type: ignore[arg-type]
    done = database.write(lambda session: session.execute(query).rowcount) > 0  # type: ignore[attr-defined]
    if done:
        changed.send(topics={"chats", "dashboard", f"chat:{chat_id}"})
    return done
