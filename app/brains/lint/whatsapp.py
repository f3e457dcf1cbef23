"""Lint rules for texts, buttons and lists beyond WhatsApp's limits."""

from collections.abc import Iterator
from typing import Final

from app.brains import limits
from app.brains.document.schema import ReplyAction
from app.brains.lint.finding import ERROR, Code, Draft, Finding
from app.brains.sandbox.source_facts import Fact

# By kind of fact: the most, what it is, and its unit.
_LIMITS: Final = {
    "buttons": (limits.BUTTONS, "A message has", "buttons"),
    "rows": (limits.LIST_ROWS, "A list has", "rows"),
    "button": (limits.BUTTON_CHARS, "A button's title has", "characters"),
    "list-button": (limits.BUTTON_CHARS, "The list's button has", "characters"),
    "row": (limits.LIST_TITLE_CHARS, "A row's title has", "characters"),
    "section": (limits.LIST_TITLE_CHARS, "A section's title has", "characters"),
    "description": (limits.LIST_DESCRIPTION_CHARS, "A row's description has", "characters"),
    "header": (limits.HEADER_FOOTER_CHARS, "The header has", "characters"),
    "footer": (limits.HEADER_FOOTER_CHARS, "The footer has", "characters"),
    "caption": (limits.CAPTION_CHARS, "The caption has", "characters"),
}


def find(draft: Draft) -> Iterator[Finding]:
    """Find texts that are too long and lists with too many entries in every case."""
    for code in draft.codes:
        for fact in () if code.prompt else code.facts:
            if fact.kind in {"static", "reply"}:
                yield from _check_text(code, fact)
            elif fact.kind in _LIMITS:
                yield from _check_limit(code, fact)


def _check_text(code: Code, fact: Fact) -> Iterator[Finding]:
    action = code.command.action if code.command else None
    has_buttons = fact.flag or (isinstance(action, ReplyAction) and bool(action.buttons))
    limit = limits.REPLY_CHARS_WITH_BUTTONS if has_buttons else limits.REPLY_CHARS
    if fact.number > limit:
        message = f"This text has at least {fact.number:,} characters{' and buttons' if has_buttons else ''}."
        advice = (
            "Shorten it, or send it without buttons."
            if has_buttons
            else "Shorten it, or send several messages."
        )
        yield code.build_finding("too-long", ERROR, fact, message, f"WhatsApp takes {limit:,}. {advice}")


def _check_limit(code: Code, fact: Fact) -> Iterator[Finding]:
    limit, subject, unit = _LIMITS[fact.kind]
    if fact.number > limit:
        kind = "too-many" if unit != "characters" else "too-long"
        fix = f"WhatsApp takes {limit} {unit}. " + (
            "Leave some out." if kind == "too-many" else "Shorten it."
        )
        yield code.build_finding(kind, ERROR, fact, f"{subject} {fact.number:,} {unit} here.", fix)
