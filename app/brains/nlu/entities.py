"""Entities of a message: numbers, phone numbers, e-mail addresses, amounts of money, choices, patterns, dates, times.

Every rule is linear in the text, or bounded as dates are, and the text is cut to 500 characters first.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import re2

from app.brains.nlu.dates import Moment, find_clock_time, find_date, find_datetime
from app.brains.nlu.normalise import clean
from app.immutable import immutable
from app.unicode import INDEX_OPTIONS, fold, is_word_edge

NUMBER, PHONE, EMAIL, MONEY, CHOICE, REGEX, DATE, TIME, DATETIME = KINDS = (
    "number", "phone", "email", "money", "choice", "regex", "date", "time", "datetime",
)  # fmt: skip
DATE_KINDS: Final = frozenset({DATE, DATETIME})  # whose finding depends on the moment and the languages

_PATTERN_MEMORY_BYTES: Final = 1_000_000  # of one compiled pattern
_WORDINGS_KEPT: Final = 131_072  # of choices, folded: all that the largest intent may have
_NUMBER: Final = re.compile(r"(?<![\w.,])[-+]?\d{1,15}(?:[.,]\d{1,12})*(?![\w])")
_PHONE: Final = re.compile(r"(?<![\w+])\+?\d[\d ()./-]{5,24}\d(?!\w)")
_MAIL: Final = re.compile(
    r"(?<![^\s<(:,;])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"
)
_SIGNS: Final[Mapping[str, str]] = {
    "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₦": "NGN", "₵": "GHS", "₺": "TRY", "₽": "RUB",
    "₩": "KRW", "₪": "ILS", "r$": "BRL",
}  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "dolar": "USD", "dolares": "USD", "pounds": "GBP",
    "rupee": "INR", "rupees": "INR", "rupaye": "INR", "rs": "INR", "reais": "BRL", "real": "BRL", "pesos": "MXN",
    "cedis": "GHS", "naira": "NGN", "rupiah": "IDR", "lira": "TRY", "yen": "JPY",
}  # fmt: skip
_CODES: Final = frozenset(
    {*_SIGNS.values(), *_WORDS.values(), "CHF", "AED", "SAR", "ZAR", "KES", "MXN", "CAD", "AUD"}
)
_AMOUNT: Final = r"\d{1,12}(?:[.,]\d{1,12})*"
_BEFORE: Final = re.compile(rf"(?P<unit>r\$|[€$£¥₹₦₵₺₽₩₪]|(?<!\w)[a-z]{{2,7}}\.?)\s?(?P<amount>{_AMOUNT})")
_AFTER: Final = re.compile(rf"(?P<amount>{_AMOUNT})\s?(?P<unit>[€$£¥₹₦₵₺₽₩₪]|[a-z]{{2,8}}(?!\w))")
_DIGITS: Final = range(7, 16)  # of a phone number
_NUMBER_DIGITS: Final = 18  # of a number: 64 bits hold it, and no float becomes infinite


class UnreadablePattern(ValueError):
    """Pattern of an entity that RE2 cannot read."""


@immutable
class EntityRule:
    """What is looked for: `kind` is one of KINDS; `choices` lead from a value to its other wordings."""

    name: str
    kind: str
    choices: Mapping[str, Sequence[str]] | None = None
    pattern: str = ""


def find_entities(text: str, rules: Sequence[EntityRule], moment: Moment) -> dict[str, Any]:
    """Return the first value of each entity in a message; an empty text for one that is not there.

    A number is an int or float, money a value with `amount` and `currency` (ISO 4217), all else a text. Days are those
    after `moment`, in its zone.
    """
    if not rules:
        return {}
    cleaned = clean(text)
    found = {rule.name: _FINDERS[rule.kind](rule, cleaned, moment) for rule in rules}
    return {name: "" if value is None else value for name, value in found.items()}


def compile_pattern(pattern: str) -> Any:
    """Compile a pattern of an entity, case ignored; raises UnreadablePattern."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = _PATTERN_MEMORY_BYTES
    try:
        return re2.compile(unicodedata.normalize("NFKC", pattern), options)
    except re2.error as error:
        text = error.args[0] if error.args else ""
        raise UnreadablePattern(
            text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        ) from error


def parse_number(text: str) -> int | float | None:
    """Read a number as people write it: 1,299.50 and 1.299,50 are the same; 1.299 and 1,299 are thousands.

    None for one of more than 18 digits.
    """
    if sum(map(str.isdecimal, text)) > _NUMBER_DIGITS:
        return None
    sign = -1 if text.startswith("-") else 1
    bare = text.lstrip("+-")
    marks = [mark for mark in bare if mark in ".,"]
    if not marks:
        return sign * int(bare)
    whole, _, rest = bare.rpartition(marks[-1])
    is_grouped = len(rest) == 3 and len(set(marks)) == 1 and bare[0] != "0"
    if is_grouped or len(set(marks)) == 1 < len(marks):
        return sign * int(re.sub("[.,]", "", bare))
    return sign * float(f"{re.sub('[.,]', '', whole)}.{rest}")


def _find_number(_rule: EntityRule, text: str, _moment: Moment) -> Any:
    numbers = (parse_number(found[0]) for found in _NUMBER.finditer(fold(text)))
    return next((number for number in numbers if number is not None), None)


def _find_phone(_rule: EntityRule, text: str, _moment: Moment) -> Any:
    for found in _PHONE.finditer(fold(text)):
        digits = re.sub(r"\D", "", found[0])
        if len(digits) in _DIGITS:
            return f"+{digits}" if found[0].startswith("+") else digits
    return None


def _find_email(_rule: EntityRule, text: str, _moment: Moment) -> Any:
    found = _MAIL.search(text)
    return found[0].rstrip(".-") if found else None


def _find_money(_rule: EntityRule, text: str, _moment: Moment) -> Any:
    folded = fold(text, INDEX_OPTIONS)
    places = [(each.start(), each) for form in (_BEFORE, _AFTER) for each in form.finditer(folded)]
    for _, found in sorted(places, key=lambda each: each[0]):
        unit = found["unit"].rstrip(".")
        currency = _SIGNS.get(unit) or _WORDS.get(unit) or (unit.upper() if unit.upper() in _CODES else "")
        amount = parse_number(found["amount"])
        if currency and amount is not None:
            return {"amount": amount, "currency": currency}
    return None


def _find_choice(rule: EntityRule, text: str, _moment: Moment) -> Any:
    folded = fold(text, INDEX_OPTIONS)
    places = [
        (at, -len(wanted), value)
        for value, wordings in (rule.choices or {}).items()
        for each in (value, *wordings)
        if (wanted := _fold_wording(each)) and (at := _find_word(wanted, folded)) >= 0
    ]
    return min(places)[2] if places else None


@lru_cache(maxsize=_WORDINGS_KEPT)
def _fold_wording(wording: str) -> str:
    return fold(wording, INDEX_OPTIONS).strip()


def _find_word(wanted: str, text: str) -> int:
    at = text.find(wanted)
    while at >= 0 and not (is_word_edge(text, at) and is_word_edge(text, at + len(wanted))):
        at = text.find(wanted, at + 1)
    return at


def _find_pattern(rule: EntityRule, text: str, _moment: Moment) -> Any:
    found = compile_pattern(rule.pattern).search(text)
    if found is None:
        return None
    return next((group for group in found.groups() if group), None) or found.group()


_FINDERS: Final[Mapping[str, Callable[[EntityRule, str, Moment], Any]]] = {
    NUMBER: _find_number,
    PHONE: _find_phone,
    EMAIL: _find_email,
    MONEY: _find_money,
    CHOICE: _find_choice,
    REGEX: _find_pattern,
    DATE: lambda _rule, text, moment: find_date(text, moment),
    TIME: lambda _rule, text, _moment: find_clock_time(text),
    DATETIME: lambda _rule, text, moment: find_datetime(text, moment),
}
