"""Numbers as people type them: thousands and decimals in any style, refused where they can be read in two ways.

Raises ValueError with the rest of a sentence that begins with the name of what is read.
"""

import re
from typing import Final

from app.unicode import FoldOptions, fold

_CASE_COUNTS: Final = FoldOptions(ignore_case=False)
_PLAIN: Final = re.compile(r"[0-9]+(?:[.,][0-9]{1,9})?")
# Thousands apart by one sign, decimals by another one; an apostrophe or a space can only stand between thousands.
_GROUPED: Final = re.compile(
    r"[0-9]{1,3}(?:(?P<sign>[.,'’ ])[0-9]{3}(?:(?P=sign)[0-9]{3})*)(?:(?P<point>[.,])[0-9]{1,9})?"
)
_SPACED: Final = re.compile(
    r"\s*[-+\u2212]?[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]{1,9})?(?!\S)"
)
_AMBIGUOUS: Final = re.compile(r"(?P<whole>[1-9][0-9]{0,2})[.,](?P<part>[0-9]{3})")
_MAX_DIGITS: Final = 15
_MAX_WHOLE_DIGITS: Final = 18
# Minus signs, and the marks that stand between Arabic digits.
_PLAIN_MARKS: Final = str.maketrans(
    {"\u2212": "-", "\u2010": "-", "\u2013": "-", "\u066b": ".", "\u066c": ","}
)


def parse_number(text: str) -> float:
    """Read a number with or without thousands and decimals."""
    sign, digits, _ = _split(text, "must be a number")
    whole, _, part = digits.partition(".")
    if len(whole) > _MAX_DIGITS:
        raise ValueError("must be a number")
    return float(f"{sign}{whole}.{part or 0}")


def parse_whole_number(text: str) -> int:
    """Read a whole number with or without thousands."""
    sign, digits, has_point = _split(text, "must be a whole number")
    if has_point or len(digits) > _MAX_WHOLE_DIGITS:
        raise ValueError("must be a whole number")
    return int(f"{sign}{digits}")


def find_spaced_number(text: str) -> int:
    """Return where a number with spaces between its thousands ends at the beginning of a text; 0 for none."""
    found = _SPACED.match(text)
    return found.end() if found else 0


def _split(text: str, problem: str) -> tuple[str, str, bool]:
    """Return the sign, the digits with a point before the decimals, and whether there is one."""
    text = _normalise(text)
    sign, text = (text[0], text[1:]) if text[:1] in {"+", "-"} else ("", text)
    if ambiguous := _AMBIGUOUS.fullmatch(text):
        whole, part = ambiguous["whole"], ambiguous["part"]
        decimal = f"{whole}.{part.rstrip('0') or 0}"
        raise ValueError(f"can be read in two ways: write {whole}{part} or {decimal}")
    if _PLAIN.fullmatch(text):
        return sign, text.replace(",", "."), "." in text or "," in text
    found = _GROUPED.fullmatch(text)
    if not found or found["point"] == found["sign"]:
        raise ValueError(problem)
    digits = text.replace(found["sign"], "")
    return sign, digits.replace(",", "."), bool(found["point"])


def _normalise(text: str) -> str:
    # A raised digit is no digit of the number beside it: 10² is not 102.
    if any(each.isdigit() and not each.isdecimal() for each in text):
        return text
    return fold(text, _CASE_COUNTS).strip().translate(_PLAIN_MARKS)
