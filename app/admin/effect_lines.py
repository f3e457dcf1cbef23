"""What a run decided, written as lines of text that can be compared word by word."""

from collections.abc import Iterable, Iterator, Mapping

from app.admin import effect_words
from app.admin.words import kind_word
from app.brains import effects
from app.brains.effects import Effect


def written(decided: Iterable[Effect], names: Mapping[str, str], now: int) -> str:
    """Write effects as text, one after another; `names` are the commands' by id, `now` is the run's moment (ms)."""
    return "\n".join(line for effect in decided for line in _lines(effect, names, now))


def _lines(effect: Effect, names: Mapping[str, str], now: int) -> Iterator[str]:
    if isinstance(effect, effects.Reply):
        yield from _reply(effect)
    elif isinstance(effect, effects.Media):
        word = "Voice message" if effect.voice else kind_word(effect.kind)
        yield " ".join(part for part in (f"{word}:", effect.filename, effect.link) if part)
        if effect.caption:
            yield effect.caption
    elif isinstance(effect, effects.React):
        yield f"Reacts with {effect.emoji}" if effect.emoji else "Takes its reaction back"
    else:
        yield from (shown.words for shown in effect_words.shown((effect,), names, now))


def _reply(reply: effects.Reply) -> Iterator[str]:
    yield from filter(None, (reply.header, reply.text, reply.footer))
    if reply.quote:
        yield "Quotes the message"
    if reply.buttons:
        yield "Buttons: " + ", ".join(button.title for button in reply.buttons)
    if reply.menu:
        rows = [row for section in reply.menu.sections for row in section.rows]
        yield f"List “{reply.menu.button}”: " + ", ".join(_choice(row) for row in rows)


def _choice(row: effects.Row) -> str:
    return f"{row.title} ({row.description})" if row.description else row.title
