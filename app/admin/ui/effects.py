"""Texts and bubbles that show the effects of a test run."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.admin.ui import time_format
from app.admin.ui.states import get_kind_word
from app.brains.effects import model
from app.brains.effects.model import Effect
from app.brains.memory.overlay import QUESTION_KEY
from app.immutable import immutable

OWNERS = {"contact": "this contact", "chat": "this chat", "brain": "everybody"}
MEDIA_ICONS = {"image": "photo", "video": "video", "audio": "microphone", "document": "file"}
VALUE_CHARS = 120


@immutable
class EffectView:
    """An effect of a try: a bubble (`kind` reply or media) or a note in words."""

    kind: str
    effect: Effect
    icon: str = ""
    words: str = ""


def describe_effects(decided: Iterable[Effect], names: Mapping[str, str], now: int) -> list[EffectView]:
    """Say what each effect would do; `names` are the commands' by id, `now` is the try's moment (ms)."""
    return [_describe(each, names, now) for each in decided if not isinstance(each, model.React)]


def get_reactions(decided: Iterable[Effect]) -> list[str]:
    """Return the reaction the message would carry in the end, if any."""
    found = [each.emoji for each in decided if isinstance(each, model.React)]
    return [found[-1]] if found and found[-1] else []


def _describe(effect: Effect, names: Mapping[str, str], now: int) -> EffectView:
    if isinstance(effect, model.Reply):
        return EffectView("reply", effect)
    if isinstance(effect, model.Media):
        return EffectView("media", effect, MEDIA_ICONS.get(effect.kind, "file"))
    if isinstance(effect, model.Schedule):
        return EffectView("note", effect, "clock", _describe_schedule(effect, names, now))
    if isinstance(effect, model.Cool):
        who = OWNERS.get(effect.scope.split(":")[0], effect.scope)
        return EffectView(
            "note",
            effect,
            "clock",
            f"Rests for {who} for {time_format.format_duration(max(effect.until - now, 0))}",
        )
    icon, say = _NOTES[type(effect)]
    return EffectView("note", effect, icon, say(effect))


def _describe_schedule(effect: model.Schedule, names: Mapping[str, str], now: int) -> str:
    given = ", ".join(f"{name} = {format_value(value)}" for name, value in effect.arguments.items())
    called = f" under the name “{effect.name}”" if effect.name else ""
    command = names.get(effect.command_id, effect.command_id)
    wait = time_format.format_duration(max(effect.due - now, 0))
    return f"Runs “{command}” in {wait}{called}" + (f" with {given}" if given else "")


def _describe_remember(effect: model.Remember) -> str:
    if effect.key == QUESTION_KEY:
        return "Waits ten minutes for the answer to “did you mean”"
    kept = f", for {time_format.format_duration(effect.ttl * 1000)}" if effect.ttl else ""
    return f"Remembers {effect.key} = {format_value(effect.value)} for {OWNERS[effect.scope]}{kept}"


def _describe_increment(effect: model.Increment) -> str:
    owner = OWNERS[effect.scope]
    if effect.by < 0:
        return f"Takes {-effect.by:g} from {effect.key} for {owner}"
    return f"Adds {effect.by:g} to {effect.key} for {owner}"


def _describe_forget(effect: model.Forget) -> str:
    if effect.key == QUESTION_KEY:
        return "The question “did you mean” is answered"
    return f"Forgets {effect.key} for {OWNERS[effect.scope]}"


def _describe_handoff(effect: model.Handoff) -> str:
    return "Hands over to a person" + (f": {effect.reason}" if effect.reason else "")


def _describe_cancel(effect: model.Cancel) -> str:
    return f"Cancels what is scheduled as “{effect.name}”"


_NOTES: dict[type, tuple[str, Callable[[Any], str]]] = {
    model.Remember: ("archive", _describe_remember),
    model.Increment: ("plus", _describe_increment),
    model.Forget: ("trash", _describe_forget),
    model.Cancel: ("ban", _describe_cancel),
    model.Handoff: ("user", _describe_handoff),
}


def format_value(value: Any) -> str:
    """Return a value as an operator would write it, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_CHARS else f"{text[:VALUE_CHARS]}…"


def format_effects(decided: Iterable[Effect], names: Mapping[str, str], now: int) -> str:
    """Write effects as text, one after another; `names` are the commands' by id, `now` is the run's moment (ms)."""
    return "\n".join(line for effect in decided for line in _format_lines(effect, names, now))


def _format_lines(effect: Effect, names: Mapping[str, str], now: int) -> Iterator[str]:
    if isinstance(effect, model.Reply):
        yield from _format_reply(effect)
    elif isinstance(effect, model.Media):
        word = "Voice message" if effect.voice else get_kind_word(effect.kind)
        yield " ".join(part for part in (f"{word}:", effect.filename, effect.link) if part)
        if effect.caption:
            yield effect.caption
    elif isinstance(effect, model.React):
        yield f"Reacts with {effect.emoji}" if effect.emoji else "Takes its reaction back"
    else:
        yield from (shown.words for shown in describe_effects((effect,), names, now))


def _format_reply(reply: model.Reply) -> Iterator[str]:
    yield from filter(None, (reply.header, reply.text, reply.footer))
    if reply.quote:
        yield "Quotes the message"
    if reply.link_preview:
        yield "Shows a link preview"
    if reply.buttons:
        yield "Buttons: " + ", ".join(button.title for button in reply.buttons)
    if reply.menu:
        rows = [row for section in reply.menu.sections for row in section.rows]
        yield f"List “{reply.menu.button}”: " + ", ".join(_format_choice(row) for row in rows)


def _format_choice(row: model.Row) -> str:
    return f"{row.title} ({row.description})" if row.description else row.title
