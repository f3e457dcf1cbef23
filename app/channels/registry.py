"""Channel registry: finds the channels by walking this package's folder."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping

from app import channels
from app.channels.contract import Channel, StreamChannel, WebhookChannel
from app.channels.error_catalog import ErrorCatalog
from app.settings import Settings
from app.signals import DomainError


class DuplicateChannelError(DomainError):
    """Two channels that claim one kind or one webhook path."""

    code = "duplicate_channel"


class UnsupportedChannelError(DomainError):
    """A channel that needs a process this version does not have."""

    code = "unsupported_channel"


def load_channels(settings: Settings) -> dict[str, Channel]:
    """Return every channel by kind, built with `settings`.

    Raises DuplicateChannelError, and UnsupportedChannelError for a StreamChannel.
    """
    classes = index_by_kind(iterate_channel_classes())
    loaded: dict[str, Channel] = {kind: channel(settings) for kind, channel in classes.items()}
    for kind, channel in loaded.items():
        if isinstance(channel, StreamChannel):
            raise UnsupportedChannelError(
                f"The channel “{kind}” keeps a connection open, and no process runs those yet: remove it."
            )
    return loaded


def index_by_kind(channels: Iterable[type]) -> dict[str, type]:
    """Return channel classes by their kind; raises DuplicateChannelError when two claim one."""
    found: dict[str, type] = {}
    for channel in channels:
        kind: str = vars(channel)["kind"]
        if kind in found:
            raise DuplicateChannelError(
                f"Two channels claim the kind “{kind}” ({_name_modules(found[kind], channel)}): rename one."
            )
        found[kind] = channel
    return found


def index_by_path(channels: Mapping[str, Channel]) -> dict[str, WebhookChannel]:
    """Return the channels that take webhooks by their URL path; raises DuplicateChannelError."""
    found: dict[str, WebhookChannel] = {}
    for channel in channels.values():
        if not isinstance(channel, WebhookChannel):
            continue
        if channel.path in found:
            modules = _name_modules(type(found[channel.path]), type(channel))
            raise DuplicateChannelError(
                f"Two channels claim the path {channel.path} ({modules}): change one."
            )
        found[channel.path] = channel
    return found


def list_error_catalogs() -> list[ErrorCatalog]:
    """List the error catalogues of every channel; they need no settings."""
    return [vars(channel)["error_catalog"] for channel in index_by_kind(iterate_channel_classes()).values()]


def iterate_channel_classes() -> Iterator[type]:
    """Yield the class of every channel."""
    for entry in pkgutil.iter_modules(channels.__path__, f"{channels.__name__}."):
        module = importlib.import_module(entry.name)
        for value in vars(module).values():
            # A channel is a class of that module or package with a kind and a way to send.
            if isinstance(value, type) and value.__module__.startswith(entry.name) and _is_channel(value):
                yield value


def _name_modules(first: type, second: type) -> str:
    return f"{first.__module__} and {second.__module__}"


def _is_channel(value: type) -> bool:
    return isinstance(vars(value).get("kind"), str) and callable(getattr(value, "send", None))
