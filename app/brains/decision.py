"""From a command to a job for the sandbox, and from the sandbox' answer to checked effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.brains import limits
from app.brains.document import ReplyAction
from app.brains.effects import Effect, Reply, named_buttons
from app.brains.program import Entry, Text
from app.brains.prompts import PromptAction
from app.brains.reading import Rules, read_effects, read_reads
from app.brains.sandbox.wire import Call, Done, Fault, Job
from app.brains.scene import Scene
from app.brains.values import BadEffect, clean

_SPREAD = 0x9E3779B97F4A7C15
_MASK = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Decided:
    """What a command decided: its effects, the result for a caller, the remembered values it looked at."""

    effects: tuple[Effect, ...] = ()
    result: Any = None
    reads: tuple[tuple[str, str], ...] = ()


def pick(texts: Sequence[Text], seed: int) -> int:
    """Choose a variant by the seed, spread so that seeds in a row do not mean variants in a row."""
    return spread(seed) % len(texts)


def spread(seed: int) -> int:
    """Return 32 bits of a seed well mixed."""
    return (seed * _SPREAD & _MASK) >> 32


def job_of(scene: Scene, call: Call | None = None, *, measure: bool = False) -> Job | Done:
    """Return what the sandbox is to run; a text without template marks is done already."""
    entry, program = scene.entry, scene.program
    source = entry.script
    if source is None:
        text = entry.texts[pick(entry.texts, scene.seed)]
        if text.literal:
            return Done({"text": text.source.text})
        source = text.source
    strict = program.document.settings.strict
    return Job(program.owner, source, scene.data(), call if entry.script else None, strict, measure)


def decide(entry: Entry, result: Done | Fault, rules: Rules) -> Decided | Fault:
    """Check what came back from the sandbox; whatever does not fit the limits is a fault."""
    if isinstance(result, Fault):
        return result
    data = result.data
    try:
        if isinstance(entry.command.action, ReplyAction):
            return Decided(_reply(entry.command.action, data.get("text")))
        if isinstance(entry.command.action, PromptAction):
            return Decided(_answers(data.get("text")))
        effects = read_effects(data.get("fx"), rules)
        return Decided(effects, clean(data.get("ret")), read_reads(data.get("reads")))
    except BadEffect as error:
        return refused(result, error)


def _answers(text: Any) -> tuple[Reply, ...]:
    """Cut a model's answer into as many messages as it needs."""
    if type(text) is not str:
        raise BadEffect("The AI gave no text.")
    return tuple(Reply(clean(piece)) for piece in _in_pieces(text, limits.REPLY_CHARS))


def _in_pieces(text: str, most: int) -> list[str]:
    """Cut an answer into messages of at most `most` characters, where a line or a word ends if it can be."""
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > most:
        cut = max(rest.rfind("\n", most // 2, most), 0) or max(rest.rfind(" ", most // 2, most), 0) or most
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def refused(done: Done, error: BadEffect) -> Fault:
    """Return the fault of a run whose effects are not taken."""
    fx = done.data.get("fx")
    shown = tuple(fx) if isinstance(fx, list) else ()
    return Fault("limit", str(error), output=done.output, fx=shown, usage=done.usage, micros=done.micros)


def _reply(action: ReplyAction, text: Any) -> tuple[Reply, ...]:
    """Trim a template's text and hold it against what WhatsApp takes; an empty one is no reply."""
    if type(text) is not str:
        raise BadEffect("The template gave no text.")
    text = text.strip()
    most = limits.REPLY_CHARS_WITH_BUTTONS if action.buttons else limits.REPLY_CHARS
    if len(text) > most:
        beside = " beside buttons" if action.buttons else ""
        raise BadEffect(
            f"The text has {len(text):,} characters; WhatsApp takes {most:,}{beside}. Shorten it."
        )
    return (Reply(clean(text), named_buttons(action.buttons), action.quote),) if text else ()
