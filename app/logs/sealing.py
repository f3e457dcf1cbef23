"""Encryption of stored log events with the vault's keys, and re-encryption after the key has changed."""

from collections.abc import Mapping
from typing import Any, Final

from app.vault import Vault, VaultError

UNREADABLE: Final = "Encrypted with another SECRET_KEY: put the former key into SECRET_KEYS_OLD to read it."


class Sealer:
    """Encrypts the text and data of events; `is_active` says whether new ones are encrypted."""

    def __init__(self, vault: Vault, *, is_active: bool) -> None:
        self._vault = vault
        self.is_active = is_active

    def seal(self, text: str, data: str) -> str:
        """Return text and data (JSON) as one encrypted token."""
        return self._vault.encrypt({"text": text, "data": data})

    def open(self, token: str) -> tuple[str, str]:
        """Return the text and the data (JSON) of a token; the text says so where no key opens it."""
        try:
            found: Mapping[str, Any] = self._vault.decrypt(token)
        except VaultError:
            return UNREADABLE, ""
        return str(found.get("text", "")), str(found.get("data", ""))

    def rotate(self, token: str) -> str | None:
        """Return a token encrypted with the current key; None where no key opens it."""
        try:
            return self._vault.encrypt(self._vault.decrypt(token))
        except VaultError:
            return None
