"""Content codings of a request's body (gzip, deflate), decoded up to a size limit."""

import zlib
from typing import Final

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_PLAIN: Final = frozenset({"", "identity"})


class UnknownCodingError(Exception):
    """Content coding that is not supported."""


def decode_content(body: bytes, coding: str | None, limit: int) -> bytes | None:
    """Return the decoded body, None beyond `limit` bytes; raises UnknownCodingError, ValueError for broken data."""
    name = (coding or "").strip().lower()
    if name in _PLAIN:
        return body
    if name not in _WINDOW_BITS:
        raise UnknownCodingError(name)
    decoder = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        content = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(content) > limit:
        return None
    if not decoder.eof:
        raise ValueError("the compressed body ends too early")
    return content
