"""File store: media files under the data folder, named by the SHA-256 of their content and stored once."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.unicode import strip_direction_marks

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFERENCE_PREFIX = "file:"
# What file systems and headers do not take in a name.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"*:<>?|\u2028\u2029]+')
# The longest ending that is kept when a name is cut.
_MAX_ENDING = 16


def clean_file_name(name: str, limit: int = 240) -> str:
    """Return the last part of a stranger's file name in its own script, cut before its ending; empty for nothing."""
    name = strip_direction_marks(name.replace("\\", "/").rpartition("/")[2])
    name = " ".join(_UNSAFE.sub(" ", name).split()).lstrip(".")
    if len(name) <= limit:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > _MAX_ENDING or not stem:
        return name[:limit]
    return f"{stem[: limit - len(ending) - 1]}.{ending}"


class FileStore:
    """Store of files in the data folder: save, find, delete by SHA-256."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "media"

    @contextmanager
    def open_incoming(self) -> Iterator["IncomingFile"]:
        """Open a temporary file for writing; it is removed unless `save` was called."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="new-", dir=self._folder, delete=False) as sink:
            try:
                yield IncomingFile(sink, self)
            finally:
                Path(sink.name).unlink(missing_ok=True)

    def find_path(self, sha256: str) -> Path | None:
        """Return the path of a stored file; None when it does not exist."""
        path = self.build_path(sha256) if _SHA256.fullmatch(sha256) else None
        return path if path and path.is_file() else None

    def build_path(self, sha256: str) -> Path:
        """Return the path at which a file of this digest is stored."""
        return self._folder / sha256[:2] / sha256

    def delete(self, sha256: str) -> None:
        """Delete a file, if it exists."""
        path = self.find_path(sha256)
        if path:
            path.unlink(missing_ok=True)


class IncomingFile:
    """File being received: written in pieces, then saved."""

    def __init__(self, sink: IO[bytes], store: FileStore) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self._store = store
        self.size = 0

    def write(self, chunk: bytes, /) -> int:
        """Append a piece of the content."""
        self.size += len(chunk)
        self._digest.update(chunk)
        return self._sink.write(chunk)

    def save(self) -> str:
        """Move the complete file to its place, flushed to disk, and return its SHA-256 (hex)."""
        self._sink.flush()
        os.fsync(self._sink.fileno())
        sha256 = self._digest.hexdigest()
        place = self._store.build_path(sha256)
        place.parent.mkdir(exist_ok=True)
        Path(self._sink.name).replace(place)
        return sha256


def format_reference(sha256: str, mime: str) -> str:
    """Format a reference to a stored file, used in content in place of the provider's media id."""
    return f"{_REFERENCE_PREFIX}{sha256}:{mime}"


def parse_reference(media_id: object) -> tuple[str, str] | None:
    """Return digest and type of a reference to a stored file; None for any other media id."""
    if not isinstance(media_id, str) or not media_id.startswith(_REFERENCE_PREFIX):
        return None
    sha256, _, mime = media_id.removeprefix(_REFERENCE_PREFIX).partition(":")
    return sha256, mime
