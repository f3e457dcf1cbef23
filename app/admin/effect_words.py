"""What a try decided, in words and bubbles."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.admin import times
from app.brains import effects
from app.brains.effects import Effect

OWNERS = {"contact": "this contact", "chat": "this chat", "brain": "everybody"}
MEDIA = {"image": "photo", "video": "video", "audio": "microphone", "document": "file"}
VALUE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Shown:
    """One effect: a bubble (`as_`: reply | media) or a note in words."""

    as_: str
    effect: Effect
    icon: str = ""
    words: str = ""


def shown(decided: Iterable[Effect], names: Mapping[str, str], now: int) -> list[Shown]:
    """Say what each effect would do; `names` are the commands' by id, `now` is the try's moment (ms)."""
    return [_shown(each, names, now) for each in decided if not isinstance(each, effects.React)]


def reactions(decided: Iterable[Effect]) -> list[str]:
    """Return the reaction the message would carry in the end, if any."""
    found = [each.emoji for each in decided if isinstance(each, effects.React)]
    return [found[-1]] if found and found[-1] else []


def _shown(effect: Effect, names: Mapping[str, str], now: int) -> Shown:
    if isinstance(effect, effects.Reply):
        return Shown("reply", effect)
    if isinstance(effect, effects.Media):
        return Shown("media", effect, MEDIA.get(effect.kind, "file"))
    if isinstance(effect, effects.Schedule):
        return Shown("note", effect, "clock", _scheduled(effect, names, now))
    if isinstance(effect, effects.Cool):
        who = OWNERS.get(effect.scope.split(":")[0], effect.scope)
        return Shown("note", effect, "clock", f"Rests for {who} for {times.span(max(effect.until - now, 0))}")
    icon, say = _NOTES[type(effect)]
    return Shown("note", effect, icon, say(effect))


def _scheduled(effect: effects.Schedule, names: Mapping[str, str], now: int) -> str:
    given = ", ".join(f"{name} = {value_words(value)}" for name, value in effect.arguments.items())
    called = f" under the name “{effect.name}”" if effect.name else ""
    told = (
        f"Runs “{names.get(effect.command_id, effect.command_id)}” in {times.span(max(effect.due - now, 0))}"
    )
    return f"{told}{called}" + (f" with {given}" if given else "")


def _remember(effect: effects.Remember) -> str:
    kept = f", for {times.span(effect.ttl * 1000)}" if effect.ttl else ""
    return f"Remembers {effect.key} = {value_words(effect.value)} for {OWNERS[effect.scope]}{kept}"


def _increment(effect: effects.Increment) -> str:
    owner = OWNERS[effect.scope]
    if effect.by < 0:
        return f"Takes {-effect.by:g} from {effect.key} for {owner}"
    return f"Adds {effect.by:g} to {effect.key} for {owner}"


def _forget(effect: effects.Forget) -> str:
    return f"Forgets {effect.key} for {OWNERS[effect.scope]}"


def _handoff(effect: effects.Handoff) -> str:
    return "Hands over to a person" + (f": {effect.reason}" if effect.reason else "")


def _cancel(effect: effects.Cancel) -> str:
    return f"Cancels what is scheduled as “{effect.name}”"


_NOTES: dict[type, tuple[str, Callable[[Any], str]]] = {
    effects.Remember: ("archive", _remember),
    effects.Increment: ("plus", _increment),
    effects.Forget: ("trash", _forget),
    effects.Cancel: ("ban", _cancel),
    effects.Handoff: ("user", _handoff),
}


def value_words(value: Any) -> str:
    """Return a value as an operator would write it, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_CHARS else f"{text[:VALUE_CHARS]}…"
