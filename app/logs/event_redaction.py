"""Redaction of log events: secrets by name and by shape, phone numbers, e-mail addresses, texts of messages."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from app.immutable import immutable

REDACTED: Final = "[redacted]"
# Parts of names whose values are secrets, and whole names whose values are what people or models wrote.
_SECRET_PARTS: Final = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "authorization", "cookie", "credential",
    "privatekey", "accesskey", "csrf", "signature", "recoverycode", "sessionid",
)  # fmt: skip
_SECRET_NAMES: Final = frozenset({"otp", "pin", "pwd", "pass", "sid", "session", "jwt", "auth"})
_BODY_NAMES: Final = frozenset({
    "body", "text", "caption", "content", "contents", "messagetext", "messagebody", "message", "msg", "transcript",
    "prompt", "answer", "reply", "replies", "words", "question", "note", "quoted", "payload", "conversation",
})  # fmt: skip
_PHONE_PARTS: Final = ("phone", "msisdn", "waid", "recipient", "mobile", "whatsapp")
# Numbers that are moments, sizes or durations, not phone numbers.
_MEASURE_ENDINGS: Final = (
    "at",
    "ms",
    "ns",
    "us",
    "s",
    "time",
    "timestamp",
    "bytes",
    "size",
    "count",
    "micros",
)
_MAX_DEPTH: Final = 24
# Shorter texts hold neither a secret nor a number of a person.
_SHORT: Final = 7
# Nor do words of letters alone below this: every secret that has no digit or sign in it is longer.
_SHORT_WORD: Final = 18
# A whole number below this is nobody's phone number.
_SMALL: Final = 10**9

# Each is linear: no repetition stands within another.
_SECRETS: Final = re.compile(
    r"(?P<keep>\b(?:Bearer|Basic|Token)\s{1,3})(?:[A-Za-z0-9._~+/=-]{16,}"
    # Shorter ones have a digit; without one it is a word, as in “basic authentication”.
    r"|(?=[A-Za-z._~+/=-]{0,100}\d)[A-Za-z0-9._~+/=-]{6,})"
    r"|\bEAA[A-Za-z0-9]{16,}"
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[pousr]|github_pat|glpat|xox[abeprs]|bbl)[-_][A-Za-z0-9_-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
    r"|\bgAAAAA[A-Za-z0-9_=-]{40,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,10000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
    re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(
    r"(?P<before>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@?#]{0,200}:)[^\s/@]{1,500}(?=@)"
)
_NAMED: Final = re.compile(
    r"(?P<name>(?:pass(?:word|wd|phrase)|secret|api[_-]?key|access[_-]?key|[a-z_-]{0,20}token|authorization|set-cookie"
    r"|cookie|hub\.verify_token|appsecret_proof)[\"']?\s{0,3}[:=]\s{0,3}(?:Bearer\s|Basic\s)?[\"']?)"
    r"(?P<value>[^\s\"'&,;}\])]{3,})",
    re.IGNORECASE,
)
_HAS_SECRET: Final = re.compile(
    r"bearer|basic|token|eaa|[spr]k[-_]|gh[pousr]_|github_pat|glpat|xox|bbl_|akia|asia|aiza|eyj|gaaaaa|private key|://"
    r"|pass|secret|key|authorization|cookie|proof",
    re.IGNORECASE,
)
_PHONE: Final = re.compile(r"(?<![\w.])(?<!\w-)\+?\d[\d ()./\u2010\u2011-]{5,22}\d(?!-?\w)")
_DIGITS: Final = re.compile(r"\d")
_HAS_DIGITS: Final = re.compile(r"\d[\d ()./\u2010\u2011-]{5}")
_DATE_OR_ADDRESS: Final = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,3}(?:\.\d{1,3}){3}|\d+\.\d+")
# The whole value of a field that is named for a number.
_NUMBER_ALONE: Final = re.compile(r"\+?[\d ()./\u2010\u2011-]{6,25}(?:@[\w.-]{1,60})?")
_WAMID: Final = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{12,}")
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")


@immutable
class RedactionRules:
    """What is taken out besides secrets and texts of messages."""

    hides_phones: bool = True
    hides_emails: bool = False


class Redactor:
    """Takes out of texts and data what must be in no log."""

    def __init__(self, rules: RedactionRules) -> None:
        self._rules = rules

    def redact_text(self, text: str) -> str:
        """Return a text without secrets, and without phone numbers and addresses by the rules."""
        if len(text) < _SHORT or (len(text) < _SHORT_WORD and text.isalpha()):
            return text
        if _HAS_SECRET.search(text):
            text = _SECRETS.sub(_hide_secret, text)
            text = _URL_PASSWORD.sub(rf"\g<before>{REDACTED}", text)
            text = _NAMED.sub(_hide_named, text)
        if self._rules.hides_emails and "@" in text:
            text = _EMAIL.sub("[e-mail address]", text)
        if self._rules.hides_phones:
            if "wamid." in text:
                # Holds the number in base64; its end still tells messages apart.
                text = _WAMID.sub(lambda found: f"wamid.…{found[0][-8:]}", text)
            if _HAS_DIGITS.search(text):
                text = _PHONE.sub(_hide_phone, text)
        return text

    def redact_data(self, data: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        """Return data whose secrets and texts of messages are replaced, at every depth."""
        redacted: dict[str, Any] = {}
        for key, value in data.items():
            kind = _classify(key[:100])
            name = key if len(key) < _SHORT else self.redact_text(key)
            is_small = type(value) is int and -_SMALL < value < _SMALL and kind != "secret"
            redacted[name] = value if is_small else self._redact_item(key, kind, value, depth)
        return redacted

    def _redact_item(self, key: str, kind: str, value: Any, depth: int) -> Any:
        if value is None or value is True or value is False:
            return value
        if kind == "secret" and not (isinstance(value, int | float) and "tokens" in key.lower()):
            return REDACTED if value not in ("", 0) else value
        if kind == "body" and not isinstance(value, int | float):
            return _describe_body(value)
        if isinstance(value, int) and self._rules.hides_phones and kind != "measure":
            return _hide_number(value, is_named=kind == "phone")
        if kind == "phone" and isinstance(value, str) and self._rules.hides_phones:
            is_number = _NUMBER_ALONE.fullmatch(value) and not _DATE_OR_ADDRESS.fullmatch(value)
            return _mask(value) if is_number else self.redact_text(value)
        return self._redact_value(value, depth)

    def _redact_value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.redact_text(value)
        if depth >= _MAX_DEPTH and isinstance(value, Mapping | list | tuple):
            return "…"
        if isinstance(value, Mapping):
            return self.redact_data({str(key): item for key, item in value.items()}, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._redact_value(item, depth + 1) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and self._rules.hides_phones:
            return _hide_number(value, is_named=False)
        is_plain = value is None or isinstance(value, bool | int | float)
        return value if is_plain else self.redact_text(str(value))


@lru_cache(4096)
def _classify(key: str) -> str:
    """Return what the name of a value says of it: secret, body, phone, measure, or nothing."""
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    if plain in _SECRET_NAMES or any(part in plain for part in _SECRET_PARTS):
        return "secret"
    if plain in _BODY_NAMES:
        return "body"
    if any(part in plain for part in _PHONE_PARTS) or plain in {"from", "to", "sender", "contact", "tel"}:
        return "phone"
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower())
    return "measure" if words[-1] in _MEASURE_ENDINGS else ""


def _describe_body(value: Any) -> Any:
    if isinstance(value, str):
        return f"[text, {len(value):,} characters]" if value else ""
    return "[content]" if value else value


def _hide_secret(found: re.Match[str]) -> str:
    return f"{found['keep'] or ''}{REDACTED}"


def _hide_named(found: re.Match[str]) -> str:
    return found[0] if found["value"].startswith("[") else f"{found['name']}{REDACTED}"


def _hide_phone(found: re.Match[str]) -> str:
    text = found[0]
    digits = _DIGITS.findall(text)
    count, is_marked = len(digits), text.startswith(("+", "00"))
    if " " in text and (count > 15 or _DATE_OR_ADDRESS.match(text)):
        # Several numbers in a row, each for itself.
        return " ".join(_PHONE.sub(_hide_phone, part) for part in text.split(" "))
    if not 8 <= count <= 15 or _DATE_OR_ADDRESS.fullmatch(text):
        return text
    if not is_marked and (count < 10 or _is_moment("".join(digits))):
        return text
    return _mask(text)


def _hide_number(number: int, *, is_named: bool) -> Any:
    digits = str(number)
    if number > 0 and 10 <= len(digits) <= 15 and (is_named or not _is_moment(digits)):
        return _mask(digits)
    return number


def _is_moment(digits: str) -> bool:
    """Tell whether digits are seconds or milliseconds since 1970: no phone number of that length begins with 1."""
    return digits.startswith("1") and len(digits) in {10, 13}


def _mask(text: str) -> str:
    return f"[phone …{''.join(_DIGITS.findall(text))[-2:]}]"
