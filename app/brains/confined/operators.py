"""Operators and functions whose results can grow large, checked against the limits."""

from __future__ import annotations

import operator
import re

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LimitReachedError
from .texts import to_ascii, to_filling, to_repr, to_string

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_REPEATED = frozenset({str, list, tuple})
_NUMBER = re.compile(r"\d+")
_SPEC_CHARS = 100
_DIGITS = 400  # more than any float has


def build_size_error(what: str) -> LimitReachedError:
    """Build the error for a result beyond the limits."""
    return LimitReachedError(f"The result of {what} would be too large.")


def multiply(left: Any, right: Any) -> Any:
    """Return `left * right`; raises LimitReachedError."""
    a, b = type(left), type(right)
    if a is int and b is int:
        if left.bit_length() + right.bit_length() > limits.NUMBER_BITS:
            raise build_size_error("*")
    elif (a in _REPEATED and b is int and len(left) * right > limits.REPEAT_ITEMS) or (
        b in _REPEATED and a is int and len(right) * left > limits.REPEAT_ITEMS
    ):
        raise build_size_error("*")
    return left * right


def compute_power(left: Any, right: Any) -> Any:
    """Return `left ** right`; raises LimitReachedError."""
    if (
        type(left) is int
        and type(right) is int
        and left.bit_length() > 1
        and left.bit_length() * right > limits.NUMBER_BITS
    ):
        raise build_size_error("**")
    return left**right


def guard_pow(base: Any, exponent: Any, modulus: Any = None) -> Any:
    """Return `pow(...)`; raises LimitReachedError."""
    if modulus is None:
        return compute_power(base, exponent)
    for number in (base, exponent, modulus):
        if type(number) is int and number.bit_length() > limits.NUMBER_BITS:
            raise build_size_error("pow()")
    return pow(base, exponent, modulus)


def shift(left: Any, right: Any) -> Any:
    """Return `left << right`; raises LimitReachedError."""
    if type(left) is int and type(right) is int and left.bit_length() + right > limits.NUMBER_BITS:
        raise build_size_error("<<")
    return left << right


def compute_remainder(left: Any, right: Any) -> Any:
    """Return `left % right`, which for a text fills in values; raises LimitReachedError."""
    if type(left) is str:
        if "*" in left:
            raise LimitReachedError("A * in the pattern of % is not allowed. Write the width as a number.")
        _check_widths(left)
        return left % to_filling(right)
    return left % right


def _check_widths(pattern: str) -> None:
    for digits in _NUMBER.findall(pattern):
        if len(digits) > 4 or int(digits) > limits.FORMAT_WIDTH:
            raise LimitReachedError(f"A width in a format can be {limits.FORMAT_WIDTH:,} at most.")


def format_value(value: Any, conversion: int, spec: str) -> str:
    """Return what `{value!conversion:spec}` gives in an f-string; raises LimitReachedError."""
    convert = _CONVERSIONS.get(conversion)
    if convert:
        value = convert(value)
    if not spec:
        return to_string(value)
    if len(spec) > _SPEC_CHARS:
        raise LimitReachedError(f"A format has {_SPEC_CHARS} characters at most.")
    _check_widths(spec)
    return format(value, spec)


_CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("r"): to_repr, ord("a"): to_ascii, ord("s"): to_string}


_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "|=": operator.ior,
    "&=": operator.iand,
    "^=": operator.ixor,
    ">>=": operator.irshift,
    "%=": compute_remainder,
    "**=": compute_power,
    "<<=": shift,
}


def apply_in_place(op: str, left: Any, right: Any) -> Any:
    """Return the value of `left` after `left op right`; raises LimitReachedError."""
    if op == "*=":
        product = multiply(left, right)
        if type(left) is list:
            left[:] = product
            return left
        return product
    return _IN_PLACE[op](left, right)


def guard_range(*args: Any) -> range:
    """Return a range no longer than a run could iterate; raises LimitReachedError."""
    made = range(*args)
    if (made.stop - made.start) // made.step > limits.LOOP_STEPS:
        raise LimitReachedError(f"range() goes to {limits.LOOP_STEPS:,} steps at most.")
    return made


def guard_round(number: Any, digits: Any = None) -> Any:
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
            raise build_size_error("replace()")
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
