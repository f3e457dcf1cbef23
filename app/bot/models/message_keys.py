"""Keys of sends: our own names of outbound messages, the same for the same send (specs: durability 2.2)."""

import hashlib
from typing import Final

_PREFIX: Final = "bx"
_LENGTH: Final = 32
_ECHO_PREFIX: Final = "ph"


def build_send_key(account: str, provider_id: str, ordinal: int) -> str:
    """Return the key of an answer: of the number's `account`, the answered message and its place among the answers."""
    return _build_key(f"{account}\0{provider_id}\0{ordinal}")


def build_operator_key(chat_id: int, idempotency_key: str) -> str:
    """Return the key of what an operator writes; the form's `idempotency_key` makes a second post the same message."""
    return _build_key(f"operator:{chat_id}:{idempotency_key}")


def build_next_key(key: str) -> str:
    """Return the key under which a send is repeated after its receipts no longer count."""
    return _build_key(key)


def build_echo_key(connection_id: int, provider_id: str) -> str:
    """Return the key of a message typed in our own phone app; no status ever names it."""
    return _ECHO_PREFIX + hashlib.sha256(f"{connection_id}:{provider_id}".encode()).hexdigest()[:30]


def is_key(key: str | None) -> bool:
    """Tell whether the callback data of a status is one of our keys."""
    return key is not None and len(key) == _LENGTH and key.startswith(_PREFIX)


def _build_key(text: str) -> str:
    return _PREFIX + hashlib.sha256(text.encode()).hexdigest()[: _LENGTH - len(_PREFIX)]
