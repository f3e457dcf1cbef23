"""One status object to a receipt (specs: whatsapp A6, A7)."""

from app.bot.channels.cloud.errors import describe
from app.bot.channels.cloud.kinds import MAX_ID
from app.bot.channels.cloud.tolerant import ident, listed, moment, words
from app.bot.channels.contract import Other, Status

# What the columns hold; Meta echoes at most 512 characters of ours.
_MAX_WORD = 20
_MAX_KEY = 512


def read_status(status: object) -> Status | Other:
    """Return the receipt, with any word Meta may invent; without an id or a word it is kept raw."""
    if not isinstance(status, dict):
        return Other("statuses", status)
    provider_id, word = ident(status.get("id"), MAX_ID), words(status.get("status"))[:_MAX_WORD]
    if provider_id is None or not word:
        return Other("statuses", status)
    errors = listed(status, "errors")
    code, sentence = describe(errors[0]) if errors else (None, None)
    return Status(
        provider_id=provider_id,
        status=word,
        at=moment(status.get("timestamp")),
        key=ident(status.get("biz_opaque_callback_data"), _MAX_KEY),
        error_code=code,
        error=sentence,
        payload=status,
    )
