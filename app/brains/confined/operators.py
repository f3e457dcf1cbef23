"""Operators and functions whose result may be far larger than what they are given: each within the table of limits."""

from __future__ import annotations

import operator
import re

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LimitReachedError

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_REPEATED = frozenset({str, list, tuple})
_NUMBER = re.compile(r"\d+")
_SPEC_CHARS = 100
_DIGITS = 400  # more than any float has


def too_large(what: str) -> LimitReachedError:
    """Return the error for a result beyond the limits."""
    return LimitReachedError(f"The result of {what} would be too large.")


def multiply(left: Any, right: Any) -> Any:
    """Return `left * right`; raises LimitReachedError."""
    a, b = type(left), type(right)
    if a is int and b is int:
        if left.bit_length() + right.bit_length() > limits.NUMBER_BITS:
            raise too_large("*")
    elif (a in _REPEATED and b is int and len(left) * right > limits.REPEAT_ITEMS) or (
        b in _REPEATED and a is int and len(right) * left > limits.REPEAT_ITEMS
    ):
        raise too_large("*")
    return left * right


def power(left: Any, right: Any) -> Any:
    """Return `left ** right`; raises LimitReachedError."""
    if (
        type(left) is int
        and type(right) is int
        and left.bit_length() > 1
        and left.bit_length() * right > limits.NUMBER_BITS
    ):
        raise too_large("**")
    return left**right


def guarded_pow(base: Any, exponent: Any, modulus: Any = None) -> Any:
    """Return `pow(...)`; raises LimitReachedError."""
    if modulus is None:
        return power(base, exponent)
    for number in (base, exponent, modulus):
        if type(number) is int and number.bit_length() > limits.NUMBER_BITS:
            raise too_large("pow()")
    return pow(base, exponent, modulus)


def shift(left: Any, right: Any) -> Any:
    """Return `left << right`; raises LimitReachedError."""
    if type(left) is int and type(right) is int and left.bit_length() + right > limits.NUMBER_BITS:
        raise too_large("<<")
    return left << right


def remainder(left: Any, right: Any) -> Any:
    """Return `left % right`, which for a text fills in values; raises LimitReachedError."""
    if type(left) is str:
        if "*" in left:
            raise LimitReachedError("A * in the pattern of % is not allowed. Write the width as a number.")
        _check_widths(left)
    return left % right


def _check_widths(pattern: str) -> None:
    for digits in _NUMBER.findall(pattern):
        if len(digits) > 4 or int(digits) > limits.FORMAT_WIDTH:
            raise LimitReachedError(f"A width in a format can be {limits.FORMAT_WIDTH:,} at most.")


def formatted(value: Any, conversion: int, spec: str) -> str:
    """Return what `{value!conversion:spec}` gives in an f-string; raises LimitReachedError."""
    if len(spec) > _SPEC_CHARS:
        raise LimitReachedError(f"A format has {_SPEC_CHARS} characters at most.")
    _check_widths(spec)
    if conversion == ord("r"):
        value = repr(value)
    elif conversion == ord("a"):
        value = ascii(value)
    elif conversion == ord("s"):
        value = str(value)
    return format(value, spec)


_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "|=": operator.ior,
    "&=": operator.iand,
    "^=": operator.ixor,
    ">>=": operator.irshift,
    "%=": remainder,
    "**=": power,
    "<<=": shift,
}


def in_place(op: str, left: Any, right: Any) -> Any:
    """Return what `left op right` leaves in `left`; raises LimitReachedError."""
    if op == "*=":
        product = multiply(left, right)
        if type(left) is list:
            left[:] = product
            return left
        return product
    return _IN_PLACE[op](left, right)


def guarded_range(*args: Any) -> range:
    """Return a range that a run could get through at all; raises LimitReachedError."""
    made = range(*args)
    if (made.stop - made.start) // made.step > limits.LOOP_STEPS:
        raise LimitReachedError(f"range() goes to {limits.LOOP_STEPS:,} steps at most.")
    return made


def guarded_round(number: Any, digits: Any = None) -> Any:
    """Return `round(...)`; raises LimitReachedError for digits no number has."""
    if type(digits) is int and not -_DIGITS <= digits <= _DIGITS:
        raise LimitReachedError(f"round() takes {_DIGITS} digits at most.")
    return round(number, digits)


def replace(text: str, old: Any, new: Any, count: Any = -1) -> str:
    """Return `text.replace(...)`; raises LimitReachedError."""
    if type(old) is str and type(new) is str and len(new) > len(old):
        found = text.count(old)
        times = min(found, count) if type(count) is int and count >= 0 else found
        if len(text) + times * (len(new) - len(old)) > limits.REPEAT_ITEMS:
            raise too_large("replace()")
    return text.replace(old, new, count)


def _padding(name: str) -> Callable[..., str]:
    method = getattr(str, name)

    def pad(text: str, width: Any, *fill: Any) -> str:
        if type(width) is int and width > limits.FORMAT_WIDTH:
            raise LimitReachedError(f"{name}() takes a width of {limits.FORMAT_WIDTH:,} at most.")
        return method(text, width, *fill)

    return pad


# Methods of texts that multiply: called with the text as their first argument.
TEXT_METHODS: dict[str, Callable[..., Any]] = {
    "replace": replace,
    **{name: _padding(name) for name in ("center", "ljust", "rjust", "zfill")},
}
