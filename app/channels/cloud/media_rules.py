"""What files WhatsApp takes, and which addresses may see our token (specs: whatsapp A10)."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

from yarl import URL

from app.signals import DomainError

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
# Inbound files may be larger than what may be sent; this ceiling is ours, in bytes.
MAX_DOWNLOAD = 100 * MEGABYTE

# Largest size in bytes and the types of each kind; no types: any.
_UPLOADS: Mapping[str, tuple[int, frozenset[str]]] = {
    "audio": (16 * MEGABYTE, frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})),
    "document": (100 * MEGABYTE, frozenset()),
    "image": (5 * MEGABYTE, frozenset({"image/jpeg", "image/png"})),
    # A static sticker may have 100 KB only; Meta tells them apart.
    "sticker": (500 * KILOBYTE, frozenset({"image/webp"})),
    "video": (16 * MEGABYTE, frozenset({"video/mp4", "video/3gpp"})),
}


class MediaError(DomainError):
    """A file that could not be sent or fetched."""

    code = "media"


class MediaTypeError(MediaError):
    """A file of a type WhatsApp does not take."""

    code = "media_type"


class MediaTooLargeError(MediaError):
    """A file beyond its limit."""

    code = "media_too_large"


class MediaHostError(MediaError):
    """A file at an address that must not see the token."""

    code = "media_host"


class MediaDamagedError(MediaError):
    """A file whose checksum is not the announced one."""

    code = "media_damaged"


def check_upload(kind: str, mime: str, size: int) -> None:
    """Check a file of `size` bytes before it is sent; raises MediaTypeError or MediaTooLargeError."""
    if kind not in _UPLOADS:
        raise MediaTypeError(f"“{kind}” is no kind of file: use {', '.join(_UPLOADS)}.")
    limit, types = _UPLOADS[kind]
    # "audio/ogg; codecs=opus": the parameters do not matter here.
    name = mime.partition(";")[0].strip().lower()
    if types and name not in types:
        raise MediaTypeError(f"WhatsApp takes no {name or 'untyped file'} as {kind}: use {_list(types)}.")
    if size > limit:
        raise MediaTooLargeError(
            f"The {kind} is too large: at most {limit // KILOBYTE} KB, it has {size // KILOBYTE}."
        )


def allowed_address(address: str, hosts: Iterable[str]) -> URL:
    """Return the parsed address if it may see our token; raises MediaHostError otherwise.

    A plain host stands for https on port 443 of exactly that host; "host:port" also allows http (tests).
    """
    try:
        url = URL(address)
    except ValueError:
        raise MediaHostError("The file's address is no web address: it was not fetched.") from None
    plain = url.scheme == "https" and url.port == 443 and url.raw_host
    exact = url.scheme in {"http", "https"} and url.raw_host and f"{url.raw_host}:{url.port}"
    if url.user is not None or url.password is not None or not {plain, exact} & set(hosts):
        raise MediaHostError(
            f"The file was not fetched: {url.raw_host or 'its host'} is not among MEDIA_HOSTS."
        )
    return url


def check_digest(digest: bytes, announced: str) -> None:
    """Compare a SHA-256 with Meta's, written in hex or base64; raises MediaDamagedError when they differ."""
    if announced and not hmac.compare_digest(digest, _digest(announced)):
        raise MediaDamagedError("The file arrived damaged (its checksum differs): fetch it again.")


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _list(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
