"""Texts, buttons and lists that WhatsApp would not take, as far as they stand in the code."""

from collections.abc import Iterator
from typing import Final

from app.brains import limits
from app.brains.document import ReplyAction
from app.brains.lint.finding import ERROR, Code, Draft, Finding
from app.brains.sandbox.facts import Fact

# By kind of fact: the most, what it is, and its unit.
_MOST: Final = {
    "buttons": (limits.BUTTONS, "A message has", "buttons"),
    "rows": (limits.LIST_ROWS, "A list has", "rows"),
    "button": (limits.BUTTON_CHARS, "A button's title has", "characters"),
    "list-button": (limits.BUTTON_CHARS, "The list's button has", "characters"),
    "row": (limits.LIST_TITLE_CHARS, "A row's title has", "characters"),
    "section": (limits.LIST_TITLE_CHARS, "A section's title has", "characters"),
    "description": (limits.LIST_DESCRIPTION_CHARS, "A row's description has", "characters"),
    "header": (limits.MARGIN_CHARS, "The header has", "characters"),
    "footer": (limits.MARGIN_CHARS, "The footer has", "characters"),
    "caption": (limits.CAPTION_CHARS, "The caption has", "characters"),
}


def find(draft: Draft) -> Iterator[Finding]:
    """Find what is too long or too many in every case."""
    for code in draft.codes:
        for fact in () if code.prompt else code.facts:
            if fact.kind in {"static", "reply"}:
                yield from _text(code, fact)
            elif fact.kind in _MOST:
                yield from _held(code, fact)


def _text(code: Code, fact: Fact) -> Iterator[Finding]:
    action = code.command.action if code.command else None
    beside = fact.flag or (isinstance(action, ReplyAction) and bool(action.buttons))
    most = limits.REPLY_CHARS_WITH_BUTTONS if beside else limits.REPLY_CHARS
    if fact.number > most:
        said = f"This text has at least {fact.number:,} characters{' and buttons' if beside else ''}."
        ways = (
            "Shorten it, or send it without buttons." if beside else "Shorten it, or send several messages."
        )
        yield code.finding("too-long", ERROR, fact, said, f"WhatsApp takes {most:,}. {ways}")


def _held(code: Code, fact: Fact) -> Iterator[Finding]:
    most, what, unit = _MOST[fact.kind]
    if fact.number > most:
        kind = "too-many" if unit != "characters" else "too-long"
        fix = f"WhatsApp takes {most} {unit}. " + ("Leave some out." if kind == "too-many" else "Shorten it.")
        yield code.finding(kind, ERROR, fact, f"{what} {fact.number:,} {unit} here.", fix)
