"""Anchor of the audit: a file outside the database with the number and hash of the last entry known here."""

import fcntl
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.data_folder import create_private
from app.immutable import immutable
from app.logs.audit.row_values import encode

FILE_NAME: Final = "audit.anchor"


@immutable
class Anchor:
    """An entry that was there once: its number and hash, and an HMAC over both by the key of the chain."""

    number: int
    hash: str
    seal: str

    def is_sealed_by(self, key: bytes) -> bool:
        """Tell whether the anchor was written with a key."""
        return hmac.compare_digest(encode(self.seal), encode(_seal(key, self.number, self.hash)))


class UnreadableAnchor(ValueError):
    """A file that is no anchor."""


class AnchorFile:
    """The file of a data folder; processes that share it write one after another."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE_NAME

    def read(self) -> Anchor | None:
        """Return the anchor; None where there is no file. Raises UnreadableAnchor."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableAnchor(str(error)) from error
        try:
            found = json.loads(text)
            return Anchor(int(found["number"]), str(found["hash"]), str(found["seal"]))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise UnreadableAnchor("no number, hash and seal in it") from error

    def advance(self, number: int, digest: str, key: bytes, find_hash: Callable[[int], str | None]) -> bool:
        """Write a later entry down; false where `find_hash` does not know the present one: it stays as evidence.

        Raises OSError and UnreadableAnchor.
        """
        with self._hold_lock():
            known = self.read()
            if known and known.number >= number:
                return True
            if known and find_hash(known.number) != known.hash:
                return False
            self._write(number, digest, key)
        return True

    def replace(self, number: int, digest: str, key: bytes) -> None:
        """Write an entry down whatever stood there: somebody has looked, and accepts what is in the database."""
        with self._hold_lock():
            self._write(number, digest, key)

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        lock = self.path.with_name(self.path.name + ".lock")
        create_private(lock)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, number: int, digest: str, key: bytes) -> None:
        new = self.path.with_name(self.path.name + ".new")
        new.unlink(missing_ok=True)
        create_private(new)
        new.write_text(json.dumps({"number": number, "hash": digest, "seal": _seal(key, number, digest)}))
        # Whoever reads has the old or the new one, whole.
        new.replace(self.path)


def _seal(key: bytes, number: int, digest: str) -> str:
    return hmac.new(key, encode(["anchor", number, digest]), hashlib.sha256).hexdigest()
