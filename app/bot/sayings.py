"""The words of a message as people saw them."""

from collections.abc import Mapping

from app.bot.content import preview
from app.bot.models import Message
from app.bot.schedules import KIND as SCHEDULE


def said(message: Message) -> str:
    """Return the words of a message as its writer saw them: a pressed button's title, not its id."""
    if message.kind == SCHEDULE:
        return f"“{message.payload.get('command') or 'A command'}” ran by schedule"
    if message.kind == "reaction" and message.direction == "out":
        return preview(message.payload)
    return _chosen(message) or message.text


def _chosen(message: Message) -> str:
    """Return the title of a pressed button or a chosen row; empty for anything else."""
    answer = message.payload.get("interactive") if message.direction == "in" else None
    inner = (
        answer.get(str(answer.get("type"))) if isinstance(answer, Mapping) else message.payload.get("button")
    )
    title = inner.get("title") or inner.get("text") if isinstance(inner, Mapping) else ""
    return title if isinstance(title, str) else ""
