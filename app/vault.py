"""Encryption of stored secrets with a key derived from SECRET_KEY, and key rotation."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Settings
from app.signals import DomainError


class VaultError(DomainError):
    """Secrets that no available key can decrypt."""

    code = "vault"


class Vault:
    """Encryption with the current key and decryption with any key (Fernet; rotation by MultiFernet)."""

    def __init__(self, settings: Settings) -> None:
        keys = (settings.secret_key, *settings.secret_keys_old)
        self._fernet = MultiFernet([Fernet(_derive_key(key)) for key in keys])

    def encrypt(self, secrets: Mapping[str, Any]) -> str:
        """Encrypt a mapping and return the token."""
        return self._fernet.encrypt(json.dumps(secrets).encode()).decode()

    def decrypt(self, token: str) -> dict[str, Any]:
        """Decrypt a token to its mapping; raises VaultError when the secret key has changed."""
        if not token:
            return {}
        try:
            return json.loads(self._fernet.decrypt(token.encode()))
        except InvalidToken as error:
            raise VaultError(
                "The stored secrets do not open with this SECRET_KEY. Put the former key into SECRET_KEYS_OLD, "
                "or enter the secrets of the connection again."
            ) from error

    def can_decrypt(self, token: str) -> bool:
        """Tell whether a token opens with a key of this installation; after a restore without the key it does not."""
        try:
            self.decrypt(token)
        except VaultError:
            return False
        return True


def _derive_key(secret: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"brainbox vault v1")
    return base64.urlsafe_b64encode(kdf.derive(secret.encode()))
