"""Webhook handshake and signature check of the Cloud API (specs: whatsapp A2, A3)."""

import hmac
from collections.abc import Iterable, Mapping

PATH = "/webhooks/whatsapp"
SIGNATURE_HEADER = "X-Hub-Signature-256"
_PREFIX = "sha256="


def answer_challenge(args: Mapping[str, str], verify_tokens: Iterable[str]) -> str | None:
    """Return the challenge to answer verbatim, None unless the query proves one of our tokens (A2)."""
    given, challenge = to_bytes(args.get("hub.verify_token", "")), args.get("hub.challenge")
    known = [hmac.compare_digest(to_bytes(token), given) for token in verify_tokens if token]
    return challenge if args.get("hub.mode") == "subscribe" and any(known) and challenge else None


def verify_signature(body: bytes, header: str | None, app_secrets: Iterable[str]) -> bool:
    """Tell whether X-Hub-Signature-256 signs exactly these bytes with one of the app secrets.

    The comparison takes constant time. SHA-1 signatures and empty secrets never count.
    """
    if header is None or not header.startswith(_PREFIX):
        return False
    given = to_bytes(header[len(_PREFIX) :])
    return any(
        hmac.compare_digest(hmac.digest(to_bytes(secret), body, "sha256").hex().encode(), given)
        for secret in app_secrets
        if secret
    )


def to_bytes(text: str) -> bytes:
    """Return any text as bytes: headers and queries may hold lone surrogates, which plain UTF-8 refuses."""
    return text.encode("utf-8", "surrogatepass")
