"""Burst: texts in quick succession as the bot gets them, joined as `app.bot.turns.debounce` does."""

from collections.abc import Sequence

from app.brains.document.schema import BrainSettings


def is_joined(text: str, settings: BrainSettings, *, is_group: bool) -> bool:
    """Tell whether a text waits for those that follow it, and is answered together with them."""
    return settings.burst_seconds > 0 and not is_group and not settings.has_prefix(text)


def join_burst(texts: Sequence[str], settings: BrainSettings, *, is_group: bool) -> list[str]:
    """Return the texts of a burst as the bot gets them: commands alone, others that follow each other as one."""
    joined: list[str] = []
    for before, text in zip(("", *texts), texts, strict=False):
        if (
            joined
            and is_joined(text, settings, is_group=is_group)
            and is_joined(before, settings, is_group=is_group)
        ):
            joined[-1] += f"\n{text}"
        else:
            joined.append(text)
    return joined
