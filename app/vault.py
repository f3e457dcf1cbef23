"""Secrets at rest: encrypted under a key derived from the installation's secret key."""

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
    """Secrets that no key we have can open."""

    code = "vault"


class Vault:
    """Encrypts with the present key and opens with any (Fernet; key rotation by MultiFernet)."""

    def __init__(self, settings: Settings) -> None:
        keys = (settings.secret_key, *settings.secret_keys_old)
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def seal(self, secrets: Mapping[str, Any]) -> str:
        """Encrypt a mapping."""
        return self._fernet.encrypt(json.dumps(secrets).encode()).decode()

    def open(self, token: str) -> dict[str, Any]:
        """Decrypt a mapping; raises VaultError when the secret key has changed."""
        if not token:
            return {}
        try:
            return json.loads(self._fernet.decrypt(token.encode()))
        except InvalidToken as error:
            raise VaultError(
                "The stored secrets do not open with this SECRET_KEY. Put the former key into SECRET_KEYS_OLD, "
                "or enter the secrets of the connection again."
            ) from error


def _derive(secret: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"brainbox vault v1")
    return base64.urlsafe_b64encode(kdf.derive(secret.encode()))
