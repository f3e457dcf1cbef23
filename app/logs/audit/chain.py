"""Chain of the audit: the hash of an entry over its columns and the hash before, and the sealed keys it needs."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from app.db.schema import get_table
from app.logs.audit.models import AuditEntry, AuditKey
from app.logs.audit.row_values import encode
from app.vault import Vault, VaultError

# What stands before the first entry.
START: Final = "0" * 64
_FIELD: Final = "audit_key"
_KEY_BYTES: Final = 32
_HASHED: Final = tuple(
    column.name for column in get_table(AuditEntry).columns if column.name not in {"hash", "previous"}
)


def compute_hash(key: bytes, entry: Mapping[Any, Any], previous: str) -> str:
    """Return the hash (hex) of an entry, by all its columns and the hash of the entry before it."""
    content = encode([previous, *(entry[name] for name in _HASHED)])
    return hmac.new(key, content, hashlib.sha256).hexdigest()


class KeyRing:
    """The keys of the chain by their ids, opened with the vault; `clock` in ms."""

    def __init__(self, vault: Vault, clock: Callable[[], int]) -> None:
        self._vault = vault
        self._clock = clock
        self._opened: dict[str, bytes] = {}

    def load_keys(self, db: Connection) -> dict[int, bytes | None]:
        """Return the keys there are; None for one that no key of the vault opens."""
        rows = db.execute(select(AuditKey.id, AuditKey.sealed).order_by(AuditKey.id))
        return {id_: self._open(sealed) for id_, sealed in rows}

    def get_current(self, db: Connection) -> tuple[int, bytes]:
        """Return the id and the key for a new entry: another one where none opens, so that changes go on."""
        newest = db.execute(
            select(AuditKey.id, AuditKey.sealed).order_by(AuditKey.id.desc()).limit(1)
        ).first()
        key = self._open(newest.sealed) if newest else None
        if newest and key:
            return newest.id, key
        number, key = (newest.id if newest else 0) + 1, secrets.token_bytes(_KEY_BYTES)
        sealed = self._vault.encrypt({_FIELD: key.hex()})
        db.execute(insert(AuditKey), [{"id": number, "sealed": sealed, "created_at": self._clock()}])
        return number, key

    def _open(self, sealed: str) -> bytes | None:
        if sealed not in self._opened:
            try:
                # Of other sealed secrets an operator may know what is in them.
                self._opened[sealed] = bytes.fromhex(str(self._vault.decrypt(sealed)[_FIELD]))
            except (VaultError, KeyError, ValueError):
                return None
        return self._opened[sealed]
