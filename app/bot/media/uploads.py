"""Uploads from an operator's computer: checked by the channel's media limits, largest file, stored."""

import mimetypes
from collections.abc import Mapping
from typing import IO

from app.channels.content.media_limits import (
    MEGABYTE,
    MediaLimit,
    MediaTooLargeError,
    check_file,
    choose_kind,
)
from app.files import FileStore, clean_file_name
from app.immutable import immutable
from app.signals import DomainError

# No channel takes more.
MAX_FILE_BYTES = 100 * MEGABYTE
CHUNK_BYTES = 256 * 1024


class OperatorMessageError(DomainError):
    """A message that cannot be sent as asked; the message says what to do."""

    code = "writing"


@immutable
class Upload:
    """A stored file to be sent; `size` in bytes."""

    sha256: str
    mime: str
    filename: str
    size: int


@immutable
class UploadedFile:
    """A file as a browser sends it."""

    stream: IO[bytes]
    filename: str
    mime: str


def save(store: FileStore, file: UploadedFile, limits: Mapping[str, MediaLimit]) -> tuple[str, Upload]:
    """Store a file and return the kind it is sent as; raises MediaError beyond the limits, OperatorMessageError."""
    mime = _guess_type(file.filename, file.mime)
    kind = choose_kind(limits, mime)
    with store.open_incoming() as incoming:
        while chunk := file.stream.read(CHUNK_BYTES):
            incoming.write(chunk)
            if incoming.size > MAX_FILE_BYTES:
                raise MediaTooLargeError(f"The file is too large: at most {MAX_FILE_BYTES // MEGABYTE} MB.")
        if not incoming.size:
            raise OperatorMessageError("The file is empty: choose another one.")
        check_file(limits, kind, mime, incoming.size)
        return kind, Upload(incoming.save(), mime, clean_file_name(file.filename), incoming.size)


def _guess_type(filename: str, mime: str) -> str:
    """Return the type a browser names, or the one the file's name stands for."""
    named = mime.partition(";")[0].strip().lower()
    if not named or named == "application/octet-stream":
        named = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return named[:100]
