"""The file store: files under the data folder, each by the SHA-256 of its content, so that none lies there twice."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OURS = "file:"


class FileStore:
    """Keeps, finds and forgets files in the data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "media"

    @contextmanager
    def taking(self) -> Iterator["Incoming"]:
        """Take a file in; unless `keep` was called, nothing of it is left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="new-", dir=self._folder, delete=False) as sink:
            try:
                yield Incoming(sink, self)
            finally:
                Path(sink.name).unlink(missing_ok=True)

    def path(self, sha256: str) -> Path | None:
        """Return where a file lies; None when it is not here."""
        path = self.place(sha256) if _SHA256.fullmatch(sha256) else None
        return path if path and path.is_file() else None

    def place(self, sha256: str) -> Path:
        """Return where a file of this digest belongs."""
        return self._folder / sha256[:2] / sha256

    def forget(self, sha256: str) -> None:
        """Delete a file, if it is here."""
        path = self.path(sha256)
        if path:
            path.unlink(missing_ok=True)


class Incoming:
    """A file on its way in: written piece by piece, then kept."""

    def __init__(self, sink: IO[bytes], store: FileStore) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self._store = store
        self.size = 0

    def write(self, chunk: bytes, /) -> int:
        """Take a piece of the content."""
        self.size += len(chunk)
        self._digest.update(chunk)
        return self._sink.write(chunk)

    def keep(self) -> str:
        """Put the whole file in its place, safe from a power cut, and return its SHA-256 (hex)."""
        self._sink.flush()
        os.fsync(self._sink.fileno())
        sha256 = self._digest.hexdigest()
        place = self._store.place(sha256)
        place.parent.mkdir(exist_ok=True)
        Path(self._sink.name).replace(place)
        return sha256


def reference(sha256: str, mime: str) -> str:
    """Name a file of ours where a content has the provider's media id; the channel uploads it before it sends."""
    return f"{_OURS}{sha256}:{mime}"


def referenced(media_id: object) -> tuple[str, str] | None:
    """Return digest and type of a file of ours; None when it is none."""
    if not isinstance(media_id, str) or not media_id.startswith(_OURS):
        return None
    sha256, _, mime = media_id.removeprefix(_OURS).partition(":")
    return sha256, mime
