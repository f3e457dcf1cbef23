"""Rules for downloaded media: allowed hosts, largest file, checksum (specs: whatsapp A10)."""

import base64
import binascii
import hmac
from collections.abc import Iterable

from yarl import URL

from app.channels.content.media_limits import MEGABYTE, MediaError

# Inbound files may be larger than what may be sent; this ceiling is ours, in bytes.
MAX_DOWNLOAD_BYTES = 100 * MEGABYTE


class MediaHostError(MediaError):
    """A file at an address that must not see the token."""

    code = "media_host"


class MediaDamagedError(MediaError):
    """A file whose checksum is not the announced one."""

    code = "media_damaged"


def parse_allowed_url(address: str, hosts: Iterable[str]) -> URL:
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
    if announced and not hmac.compare_digest(digest, _parse_digest(announced)):
        raise MediaDamagedError("The file arrived damaged (its checksum differs): fetch it again.")


def _parse_digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
