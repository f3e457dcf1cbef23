"""Checked decision of a command from the sandbox's result; splitting of long AI answers into messages."""

from typing import Any

from app.brains import limits
from app.brains.document.prompts import PromptAction
from app.brains.document.schema import ReplyAction
from app.brains.effects.model import Effect, Reply, build_buttons
from app.brains.effects.parse import Rules, read_effects, read_reads
from app.brains.effects.untrusted import BadEffect, clean
from app.brains.runtime.program import Entry
from app.brains.sandbox.types import RunResult, SandboxError
from app.channels.content.markup import to_whatsapp
from app.immutable import immutable


@immutable
class Decision:
    """Decision of a command: effects, result for a caller, variables it read."""

    effects: tuple[Effect, ...] = ()
    result: Any = None
    reads: tuple[tuple[str, str], ...] = ()


def decode_result(entry: Entry, result: RunResult | SandboxError, rules: Rules) -> Decision | SandboxError:
    """Check a sandbox result; anything beyond the limits becomes an error."""
    if isinstance(result, SandboxError):
        return result
    data = result.data
    try:
        if isinstance(entry.command.action, ReplyAction):
            return Decision(_build_reply(entry.command.action, data.get("text")))
        if isinstance(entry.command.action, PromptAction):
            return Decision(
                _build_ai_replies(data.get("text"), link_preview=entry.command.action.link_preview)
            )
        effects = read_effects(data.get("fx"), rules)
        return Decision(effects, clean(data.get("ret")), read_reads(data.get("reads")))
    except BadEffect as error:
        return build_limit_error(result, error)


def _build_ai_replies(text: Any, *, link_preview: bool) -> tuple[Reply, ...]:
    """Split a model's answer into as many messages as it needs."""
    if type(text) is not str:
        raise BadEffect("The AI gave no text.")
    pieces = _split_text(to_whatsapp(text), limits.REPLY_CHARS)
    return tuple(Reply(clean(piece), link_preview=link_preview) for piece in pieces)


def _split_text(text: str, limit: int) -> list[str]:
    """Cut an answer into messages of at most `limit` characters, where a line or a word ends if it can be."""
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        cut = (
            max(rest.rfind("\n", limit // 2, limit), 0) or max(rest.rfind(" ", limit // 2, limit), 0) or limit
        )
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def build_limit_error(done: RunResult, error: BadEffect) -> SandboxError:
    """Return the error of a run whose effects are refused."""
    fx = done.data.get("fx")
    shown = tuple(fx) if isinstance(fx, list) else ()
    return SandboxError(
        "limit", str(error), output=done.output, fx=shown, usage=done.usage, micros=done.micros
    )


def _build_reply(action: ReplyAction, text: Any) -> tuple[Reply, ...]:
    """Build a reply from a template's text within WhatsApp's limits; an empty text is no reply."""
    if type(text) is not str:
        raise BadEffect("The template gave no text.")
    text = text.strip()
    limit = limits.REPLY_CHARS_WITH_BUTTONS if action.buttons else limits.REPLY_CHARS
    if len(text) > limit:
        suffix = " with buttons" if action.buttons else ""
        raise BadEffect(
            f"The text has {len(text):,} characters; WhatsApp takes {limit:,}{suffix}. Shorten it."
        )
    if not text:
        return ()
    buttons = build_buttons(action.buttons)
    return (Reply(clean(text), buttons, action.quote, link_preview=action.link_preview),)
