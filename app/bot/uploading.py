"""Files from an operator's computer: judged by what WhatsApp takes, then put into the store."""

import mimetypes
from typing import IO

from app.bot.channels.cloud.media_rules import MEGABYTE, MediaTooLargeError, check_upload
from app.bot.files import FileStore
from app.bot.writing import Upload, WritingRefused

MAX_FILE = 100 * MEGABYTE
CHUNK = 256 * 1024
# Types WhatsApp shows in the chat; anything else is sent as a document.
_KINDS = {
    "image/jpeg": "image",
    "image/png": "image",
    "video/mp4": "video",
    "video/3gpp": "video",
    "audio/aac": "audio",
    "audio/amr": "audio",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/ogg": "audio",
    "image/webp": "sticker",
}


def take(store: FileStore, stream: IO[bytes], filename: str, mime: str) -> tuple[str, Upload]:
    """Store a file and return the kind it is sent as; raises MediaError or WritingRefused."""
    mime = _type(filename, mime)
    kind = _KINDS.get(mime, "document")
    with store.taking() as incoming:
        while chunk := stream.read(CHUNK):
            incoming.write(chunk)
            if incoming.size > MAX_FILE:
                raise MediaTooLargeError(f"The file is too large: at most {MAX_FILE // MEGABYTE} MB.")
        if not incoming.size:
            raise WritingRefused("The file is empty: choose another one.")
        check_upload(kind, mime, incoming.size)
        return kind, Upload(incoming.keep(), mime, filename.rpartition("/")[2][:240], incoming.size)


def _type(filename: str, mime: str) -> str:
    """Return the type a browser names, or the one the file's name speaks of."""
    named = mime.partition(";")[0].strip().lower()
    if not named or named == "application/octet-stream":
        named = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return named[:100]
