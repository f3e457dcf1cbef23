"""Messages made up to see who answers them."""

from typing import Final

from app.brains.turn import Sender, Turn

_SOMEONE: Final = Sender("someone", "Someone", "1")


def said(text: str) -> Turn:
    """Make a text message in a direct chat."""
    return Turn(0, "text", text, _SOMEONE, chat_id=0, at=0, now=0, seed=0)


def press(title: str) -> Turn:
    """Make the press of a button, which comes with its title as text."""
    return Turn(
        0, "button", title, _SOMEONE, chat_id=0, at=0, now=0, seed=0, choice_id=title, choice_title=title
    )
