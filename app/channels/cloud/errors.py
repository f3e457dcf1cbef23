"""Classification of a refused request: retry, pause or fail, by error code or HTTP status (specs: whatsapp A13)."""

import json
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from app.channels.cloud.error_codes import CODES, MISSING_OBJECT, MISSING_OBJECT_HELP, RANGES, ErrorCode
from app.channels.content.tolerant import to_dict, to_identifier, to_text
from app.channels.contract import RefusalClass, RefusalReason, SendRefusal

# A header may not park a connection for longer than Meta itself repeats webhooks.
_MAX_WAIT_S = 7 * 86400.0
# Message.error holds 500 characters.
_MAX_SENTENCE = 500
_USAGE = "x-business-use-case-usage"


def classify_code(code: int) -> tuple[RefusalClass, str]:
    """Return what an error code asks of us and a sentence saying what helps."""
    known = _find_code(code)
    if known is None:
        return RefusalClass.NEVER, f"WhatsApp refused the message (error {code})."
    return known.refusal_class, known.sentence


def describe_error(error: object) -> tuple[str, str]:
    """Return the code and the sentence for an error object of a webhook (A7)."""
    data = to_dict(error)
    code = _parse_code(data.get("code"))
    if code is None:
        return "unknown", _build_sentence("WhatsApp gave an error without a code.", RefusalClass.NEVER, data)
    refusal_class, sentence = classify_code(code)
    return str(code), _build_sentence(sentence, refusal_class, data)


def classify_response(http_status: int, headers: Mapping[str, str], body: object, now: float) -> SendRefusal:
    """Return the refusal behind an HTTP answer that took nothing; `now` is unix time in seconds."""
    error = to_dict(to_dict(body).get("error"))
    number = _parse_code(error.get("code"))
    known = _find_code(number) if number is not None else None
    code = known or _classify_status(http_status)
    sentence = code.sentence
    if (number, _parse_code(error.get("error_subcode"))) == MISSING_OBJECT:
        sentence = MISSING_OBJECT_HELP
    return SendRefusal(
        code.refusal_class,
        f"http_{http_status}" if number is None else str(number),
        _build_sentence(sentence, code.refusal_class, error),
        _compute_wait_s(code, headers, now),
        code.max_attempts,
        code.reason,
    )


def _find_code(number: int) -> ErrorCode | None:
    return CODES.get(number) or next((code for family, code in RANGES if number in family), None)


def _parse_code(value: object) -> int | None:
    text = to_identifier(value, 12)
    return int(text) if text is not None and text.isascii() and text.removeprefix("-").isdigit() else None


def _classify_status(status: int) -> ErrorCode:
    if status >= 500:
        sentence = f"WhatsApp is unavailable (HTTP {status}): the message is tried again."
        return ErrorCode("meta_down", RefusalClass.TRANSIENT, sentence)
    if status == 429:
        sentence = "WhatsApp asks to send more slowly: sending goes on by itself."
        return ErrorCode("rate", RefusalClass.LIMIT, sentence)
    if status >= 400:
        return ErrorCode("other", RefusalClass.NEVER, f"WhatsApp refused the message (HTTP {status}).")
    # Not a redirect is followed: the token belongs to one host.
    sentence = f"The Graph address answered HTTP {status}: check GRAPH_BASE_URL and GRAPH_VERSION."
    return ErrorCode("setup", RefusalClass.FIX, sentence)


def _build_sentence(sentence: str, refusal_class: RefusalClass, error: Mapping[str, Any]) -> str:
    # Meta quotes a malformed token in its message.
    details = "" if refusal_class is RefusalClass.TOKEN else _find_details(error)
    return f"{sentence} WhatsApp says: {details}"[:_MAX_SENTENCE] if details else sentence


def _find_details(error: Mapping[str, Any]) -> str:
    data = error.get("error_data")
    details = to_text(data.get("details")) if isinstance(data, dict) else to_text(data)
    found = (
        details,
        to_text(error.get("details")),
        to_text(error.get("message")),
        to_text(error.get("title")),
    )
    return next(filter(None, found), "")


def _compute_wait_s(code: ErrorCode, headers: Mapping[str, str], now: float) -> float | None:
    if code.reason is RefusalReason.PAIR_LIMIT:
        # This number and this person have a waiting rule of their own, which is the pipeline's.
        return None
    lowered = {name.lower(): value for name, value in headers.items()}
    waits = [code.min_wait_s]
    if code.refusal_class in {RefusalClass.LIMIT, RefusalClass.TRANSIENT, RefusalClass.ACCOUNT}:
        waits.append(_parse_retry_after(lowered.get("retry-after", ""), now))
    if code.refusal_class is RefusalClass.LIMIT:
        waits.extend(60.0 * minutes for minutes in _parse_usage_minutes(lowered.get(_USAGE, "")))
    longest = max(waits)
    return min(longest, _MAX_WAIT_S) if longest > 0 else None


def _parse_retry_after(value: str, now: float) -> float:
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0


def _parse_usage_minutes(value: str) -> Iterator[float]:
    try:
        usage = json.loads(value) if value else {}
    except (ValueError, RecursionError):
        return
    for entries in to_dict(usage).values():
        for entry in entries if isinstance(entries, list) else ():
            minutes = to_dict(entry).get("estimated_time_to_regain_access")
            if isinstance(minutes, int | float) and 0 < minutes < _MAX_WAIT_S:
                yield float(minutes)
