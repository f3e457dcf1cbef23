"""Phone numbers as digits: the spellings of one number that WhatsApp uses side by side (specs: whatsapp A9).

Brazil: mobile numbers with and without the ninth digit. Mexico: with and without the 1 of mobile numbers.
Argentina: with and without the 9.
"""

import re
from typing import Final

from app.unicode import FoldOptions, fold

# Country and area, then the eight digits of a mobile number, which begin with 6 to 9.
_BRAZIL: Final = re.compile(r"55([1-9]{2})9?([6-9]\d{7})")
_MEXICO: Final = re.compile(r"521?(\d{10})")
_ARGENTINA: Final = re.compile(r"549?(\d{10})")


def list_spellings(number: str) -> tuple[str, ...]:
    """Return all spellings of a number given as digits, the one to compare by first; itself alone for most."""
    if found := _BRAZIL.fullmatch(number):
        area, rest = found.groups()
        return f"55{area}9{rest}", f"55{area}{rest}"
    if found := _MEXICO.fullmatch(number):
        return f"52{found[1]}", f"521{found[1]}"
    if found := _ARGENTINA.fullmatch(number):
        return f"54{found[1]}", f"549{found[1]}"
    return (number,)


def unify(number: str) -> str:
    """Return the spelling of a number by which it is compared."""
    return list_spellings(number)[0] if number.startswith("5") else number


def normalise_person(name: str) -> str:
    """Reduce a phone number to its digits in one spelling, so that +233 20-123 is found; leave user ids unchanged."""
    name = fold(name, _CASE_COUNTS).strip()
    bare = name.translate(_PHONE_MARKS)
    return unify(bare) if bare.isdecimal() else name


# A number copied from a phone brings marks of direction.
_CASE_COUNTS = FoldOptions(ignore_case=False)
_PHONE_MARKS = str.maketrans("", "", "+ -()./")
