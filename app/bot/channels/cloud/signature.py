"""Proof that a webhook comes from Meta (specs: whatsapp A3)."""

import hmac
from collections.abc import Iterable

_PREFIX = "sha256="


def verify(body: bytes, header: str | None, app_secrets: Iterable[str]) -> bool:
    """Tell whether X-Hub-Signature-256 signs exactly these bytes with one of the app secrets.

    The comparison takes constant time. SHA-1 signatures and empty secrets never count.
    """
    if header is None or not header.startswith(_PREFIX):
        return False
    given = as_bytes(header[len(_PREFIX) :])
    return any(
        hmac.compare_digest(hmac.digest(as_bytes(secret), body, "sha256").hex().encode(), given)
        for secret in app_secrets
        if secret
    )


def as_bytes(text: str) -> bytes:
    """Return any text as bytes: headers and queries may hold lone surrogates, which plain UTF-8 refuses."""
    return text.encode("utf-8", "surrogatepass")
