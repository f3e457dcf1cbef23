"""What a refusal asks of us: decided by its code, by HTTP only when that is unknown (specs: whatsapp A13)."""

import json
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from app.bot.channels.cloud.codes import (
    CODES,
    MAX_TRIES,
    MISSING_OBJECT,
    MISSING_OBJECT_HELP,
    PAIR_LIMIT,
    RANGES,
    WAITS,
)
from app.bot.channels.cloud.tolerant import ident, mapping, words
from app.bot.channels.contract import Fault, Refused

# A header may not park a connection for longer than Meta itself repeats webhooks.
_MAX_WAIT = 7 * 86400.0
# Message.error holds 500 characters.
_MAX_SENTENCE = 500
_USAGE = "x-business-use-case-usage"


def explain(code: int) -> tuple[Fault, str]:
    """Return what an error code asks of us and a sentence saying what helps."""
    return _known(code) or (Fault.NEVER, f"WhatsApp refused the message (error {code}).")


def describe(error: object) -> tuple[str, str]:
    """Return the code and the sentence for an error object of a webhook (A7)."""
    data = mapping(error)
    code = _code(data.get("code"))
    if code is None:
        return "unknown", _sentence("WhatsApp gave an error without a code.", Fault.NEVER, data)
    fault, sentence = explain(code)
    return str(code), _sentence(sentence, fault, data)


def classify(http_status: int, headers: Mapping[str, str], body: object, now: float) -> Refused:
    """Return the refusal behind an HTTP answer that took nothing; `now` is unix time in seconds."""
    error = mapping(mapping(body).get("error"))
    code = _code(error.get("code"))
    known = None if code is None else _known(code)
    fault, sentence = known or _by_http(http_status)
    if (code, _code(error.get("error_subcode"))) == MISSING_OBJECT:
        sentence = MISSING_OBJECT_HELP
    name = f"http_{http_status}" if code is None else str(code)
    return Refused(
        fault,
        name,
        _sentence(sentence, fault, error),
        _wait(code, fault, headers, now),
        MAX_TRIES.get(code) if code is not None else None,
    )


def _known(code: int) -> tuple[Fault, str] | None:
    found = CODES.get(code)
    return found or next((meaning for family, meaning in RANGES if code in family), None)


def _code(value: object) -> int | None:
    text = ident(value, 12)
    return int(text) if text is not None and text.isascii() and text.removeprefix("-").isdigit() else None


def _by_http(status: int) -> tuple[Fault, str]:
    if status >= 500:
        return Fault.TRANSIENT, f"WhatsApp is unavailable (HTTP {status}): the message is tried again."
    if status == 429:
        return Fault.LIMIT, "WhatsApp asks to send more slowly: sending goes on by itself."
    if status >= 400:
        return Fault.NEVER, f"WhatsApp refused the message (HTTP {status})."
    # Not a redirect is followed: the token belongs to one host.
    return Fault.FIX, f"The Graph address answered HTTP {status}: check GRAPH_BASE_URL and GRAPH_VERSION."


def _sentence(sentence: str, fault: Fault, error: Mapping[str, Any]) -> str:
    # Meta quotes a malformed token in its message.
    details = "" if fault is Fault.TOKEN else _details(error)
    return f"{sentence} WhatsApp says: {details}"[:_MAX_SENTENCE] if details else sentence


def _details(error: Mapping[str, Any]) -> str:
    data = error.get("error_data")
    details = words(data.get("details")) if isinstance(data, dict) else words(data)
    found = (details, words(error.get("details")), words(error.get("message")), words(error.get("title")))
    return next(filter(None, found), "")


def _wait(code: int | None, fault: Fault, headers: Mapping[str, str], now: float) -> float | None:
    if code == PAIR_LIMIT:
        return None
    lowered = {name.lower(): value for name, value in headers.items()}
    waits = [WAITS.get(code, 0.0) if code is not None else 0.0]
    if fault in {Fault.LIMIT, Fault.TRANSIENT, Fault.ACCOUNT}:
        waits.append(_retry_after(lowered.get("retry-after", ""), now))
    if fault is Fault.LIMIT:
        waits.extend(60.0 * minutes for minutes in _usage_minutes(lowered.get(_USAGE, "")))
    longest = max(waits)
    return min(longest, _MAX_WAIT) if longest > 0 else None


def _retry_after(value: str, now: float) -> float:
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0


def _usage_minutes(value: str) -> Iterator[float]:
    try:
        usage = json.loads(value) if value else {}
    except (ValueError, RecursionError):
        return
    for entries in mapping(usage).values():
        for entry in entries if isinstance(entries, list) else ():
            minutes = mapping(entry).get("estimated_time_to_regain_access")
            if isinstance(minutes, int | float) and 0 < minutes < _MAX_WAIT:
                yield float(minutes)
