"""Media limits of a channel: file size and types by kind of content."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.immutable import immutable
from app.signals import DomainError

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE


@immutable
class MediaLimit:
    """The largest file of a kind in bytes, and its MIME types; no types: any."""

    max_bytes: int
    types: frozenset[str] = frozenset()


class MediaError(DomainError):
    """A file that could not be sent or fetched."""

    code = "media"


class MediaTypeError(MediaError):
    """A file of a type the channel does not take."""

    code = "media_type"


class MediaTooLargeError(MediaError):
    """A file beyond its limit."""

    code = "media_too_large"


# What WhatsApp documents, whichever way it is reached (specs: whatsapp A10).
WHATSAPP_MEDIA_LIMITS: Final[Mapping[str, MediaLimit]] = {
    "audio": MediaLimit(
        16 * MEGABYTE, frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
    ),
    "document": MediaLimit(100 * MEGABYTE),
    "image": MediaLimit(5 * MEGABYTE, frozenset({"image/jpeg", "image/png"})),
    # A static sticker may have 100 KB only; Meta tells them apart.
    "sticker": MediaLimit(500 * KILOBYTE, frozenset({"image/webp"})),
    "video": MediaLimit(16 * MEGABYTE, frozenset({"video/mp4", "video/3gpp"})),
}


def choose_kind(limits: Mapping[str, MediaLimit], mime: str) -> str:
    """Return the kind of content a file of this type is sent as: what names the type, or else what takes any."""
    name = _strip_parameters(mime)
    any_type = next((kind for kind, limit in limits.items() if not limit.types), "document")
    return next((kind for kind, limit in limits.items() if name in limit.types), any_type)


def check_file(limits: Mapping[str, MediaLimit], kind: str, mime: str, size: int) -> None:
    """Check a file of `size` bytes before it is sent; raises MediaTypeError or MediaTooLargeError."""
    limit = limits.get(kind)
    if limit is None:
        raise MediaTypeError(f"“{kind}” is no kind of file that can be sent here: use {', '.join(limits)}.")
    name = _strip_parameters(mime)
    if limit.types and name not in limit.types:
        raise MediaTypeError(
            f"No {name or 'untyped file'} can be sent as {kind}: use {_join_types(limit.types)}."
        )
    if size > limit.max_bytes:
        raise MediaTooLargeError(
            f"The {kind} is too large: at most {limit.max_bytes // KILOBYTE} KB, it has {size // KILOBYTE}."
        )


def _strip_parameters(mime: str) -> str:
    # "audio/ogg; codecs=opus": the parameters do not matter here.
    return mime.partition(";")[0].strip().lower()


def _join_types(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
