"""Channels, found by walking this package once: a new file or folder here is a new channel."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from app.bot.channels.contract import Channel
from app.settings import Settings
from app.signals import DomainError


class DuplicateChannelError(DomainError):
    """Two channels that claim one kind."""

    code = "duplicate_channel"


def load_channels(settings: Settings) -> dict[str, Channel]:
    """Return every channel by kind, built with `settings`; raises DuplicateChannelError."""
    return {kind: channel(settings) for kind, channel in by_kind(_found()).items()}


def by_kind(channels: Iterable[type]) -> dict[str, type]:
    """Return channel classes by their kind; raises DuplicateChannelError when two claim one."""
    found: dict[str, type] = {}
    for channel in channels:
        kind: str = vars(channel)["kind"]
        if kind in found:
            where = f"{found[kind].__module__} and {channel.__module__}"
            raise DuplicateChannelError(f"Two channels claim the kind “{kind}” ({where}): rename one.")
        found[kind] = channel
    return found


def _found() -> Iterator[type]:
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(entry.name)
        for value in vars(module).values():
            # A channel is a class of that module or package with a kind and a way to send.
            if isinstance(value, type) and value.__module__.startswith(entry.name) and _is_channel(value):
                yield value


def _is_channel(value: type) -> bool:
    return isinstance(vars(value).get("kind"), str) and callable(getattr(value, "send", None))
