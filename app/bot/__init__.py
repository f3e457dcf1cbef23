"""The message pipeline: channels, inbox, dispatch, outbox, statuses."""

from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from app.bot.wiring import Bot


def bot() -> "Bot":
    """Return the pipeline of the current app."""
    return current_app.extensions["bot"]
