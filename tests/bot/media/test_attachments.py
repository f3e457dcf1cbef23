import io
from pathlib import Path

import pytest

from app.bot.media import uploads
from app.bot.media.uploads import Upload, UploadedFile
from app.channels.content.media_limits import WHATSAPP_MEDIA_LIMITS
from app.files import FileStore
from app.signals import DomainError


def save_upload(folder: Path, name: str, mime: str, size: int) -> tuple[str, Upload]:
    file = UploadedFile(io.BytesIO(b"x" * size), name, mime)
    return uploads.save(FileStore(folder), file, WHATSAPP_MEDIA_LIMITS)


@pytest.mark.parametrize(
    ("name", "mime", "size", "kind"),
    [
        ("cat.png", "image/png", 5 * 1024 * 1024, "image"),
        ("cat.png", "application/octet-stream", 9, "image"),
        ("song.ogg", "audio/ogg; codecs=opus", 9, "audio"),
        ("page.html", "text/html", 9, "document"),
        ("x", "", 9, "document"),
    ],
)
def test_a_file_is_sent_as_what_whatsapp_shows(tmp_path: Path, name: str, mime: str, size: int, kind: str):
    found, upload = save_upload(tmp_path, name, mime, size)
    assert (found, upload.size, upload.filename) == (kind, size, name)


@pytest.mark.parametrize(
    ("name", "mime", "size"),
    [
        ("cat.png", "image/png", 5 * 1024 * 1024 + 1),
        ("a.webp", "image/webp", 500 * 1024 + 1),
        ("a.png", "image/png", 0),
    ],
)
def test_a_file_beyond_whatsapps_limits_leaves_nothing_behind(
    tmp_path: Path, name: str, mime: str, size: int
):
    with pytest.raises(DomainError):
        save_upload(tmp_path, name, mime, size)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
