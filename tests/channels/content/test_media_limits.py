import pytest

from app.channels.content.media_limits import (
    MEGABYTE,
    WHATSAPP_MEDIA_LIMITS,
    MediaLimit,
    MediaTooLargeError,
    MediaTypeError,
    check_file,
    choose_kind,
)


@pytest.mark.parametrize(
    ("kind", "mime", "limit"),
    [
        ("audio", "audio/ogg; codecs=opus", 16 * MEGABYTE),
        ("document", "application/zip", 100 * MEGABYTE),
        ("image", "IMAGE/PNG", 5 * MEGABYTE),
        ("sticker", "image/webp", 500 * 1024),
        ("video", "video/3gpp", 16 * MEGABYTE),
    ],
)
def test_uploads_have_the_documented_limits(kind, mime, limit):
    check_file(WHATSAPP_MEDIA_LIMITS, kind, mime, limit)
    with pytest.raises(MediaTooLargeError):
        check_file(WHATSAPP_MEDIA_LIMITS, kind, mime, limit + 1)


@pytest.mark.parametrize(("kind", "mime"), [("image", "image/gif"), ("audio", ""), ("poem", "text/plain")])
def test_uploads_of_other_types_are_refused(kind, mime):
    with pytest.raises(MediaTypeError):
        check_file(WHATSAPP_MEDIA_LIMITS, kind, mime, 1)


def test_a_channel_that_takes_no_other_files_refuses_them():
    limits = {"image": MediaLimit(MEGABYTE, frozenset({"image/png"}))}
    assert choose_kind(limits, "IMAGE/PNG; q=1") == "image"
    with pytest.raises(MediaTypeError, match="use image"):
        check_file(limits, choose_kind(limits, "text/plain"), "text/plain", 1)
