"""Modules json, math and random as a script sees them, without the real modules."""

from __future__ import annotations

import json
import math
import random

from .. import limits  # noqa: TID252  the package has another name in the child
from .guards import ATTRIBUTES, split_words
from .language import LimitReachedError
from .plain import describe_type
from .shapes import Module, Record, TitledObject

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any, NoReturn

_INDENT = 8


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def load_json(text: Any) -> Any:
    """Read JSON; raises ValueError, LimitReachedError."""
    if type(text) is not str:
        raise TypeError(f"json.loads() takes a text, not {describe_type(text)}")
    if len(text) > limits.JSON_CHARS:
        raise LimitReachedError(f"json.loads() takes {limits.JSON_CHARS:,} characters at most.")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("this JSON is nested too deeply") from None


def _dump_json(value: Any, *, indent: Any = None, ensure_ascii: bool = True, sort_keys: bool = False) -> str:
    if indent is not None and (type(indent) is not int or not 0 <= indent <= _INDENT):
        raise ValueError(f"indent is out of range; give 0 to {_INDENT}")
    try:
        return json.dumps(
            value, indent=indent, ensure_ascii=ensure_ascii, sort_keys=sort_keys, default=_fields
        )
    except RecursionError:
        raise ValueError("this value is nested too deeply for JSON") from None


def _fields(value: Any) -> dict[str, Any]:
    if type(value) is Record:
        return value.fields
    raise TypeError(f"json.dumps() cannot write {describe_type(value)}; turn it into a text with str(value)")


JSON = Module("json", {"loads": load_json, "dumps": _dump_json, "JSONDecodeError": json.JSONDecodeError})

# No factorial, comb, perm, prod, lcm: their results grow beyond all limits within one call.
MATH = Module(
    "math",
    {
        name: getattr(math, name)
        for name in [
            "acos",
            "acosh",
            "asin",
            "asinh",
            "atan",
            "atan2",
            "atanh",
            "cbrt",
            "ceil",
            "copysign",
            "cos",
            "cosh",
            "degrees",
            "dist",
            "e",
            "erf",
            "erfc",
            "exp",
            "exp2",
            "expm1",
            "fabs",
            "floor",
            "fmod",
            "frexp",
            "fsum",
            "gamma",
            "gcd",
            "hypot",
            "inf",
            "isclose",
            "isfinite",
            "isinf",
            "isnan",
            "isqrt",
            "ldexp",
            "lgamma",
            "log",
            "log10",
            "log1p",
            "log2",
            "modf",
            "nan",
            "pi",
            "pow",
            "radians",
            "remainder",
            "sin",
            "sinh",
            "sqrt",
            "tan",
            "tanh",
            "tau",
            "trunc",
        ]
    },
)


class Random(TitledObject):
    """Random numbers that are the same whenever a run is done again."""

    __slots__ = ("_made", "_seed")
    title = "random"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: random.Random | None = None

    def get_source(self) -> random.Random:
        """Return the generator, created on first use."""
        if self._made is None:
            self._made = random.Random(self._seed)
        return self._made

    def choice(self, options: Any) -> Any:
        """Return one of the options; raises IndexError when there are none."""
        return self.get_source().choice(options)

    def choices(self, options: Any, weights: Any = None, *, cum_weights: Any = None, k: int = 1) -> list[Any]:
        """Return `k` of the options, the same one more than once too."""
        _check_count(k)
        return self.get_source().choices(options, weights, cum_weights=cum_weights, k=k)

    def getrandbits(self, k: int) -> int:
        """Return a number of `k` bits; raises LimitReachedError."""
        if k > limits.NUMBER_BITS:
            raise LimitReachedError(f"A random number has {limits.NUMBER_BITS:,} bits at most.")
        return self.get_source().getrandbits(k)

    def randint(self, a: int, b: int) -> int:
        """Return a whole number from a to b, both included."""
        return self.get_source().randint(a, b)

    def randrange(self, *limits_: int) -> int:
        """Return one of the numbers of range(...)."""
        return self.get_source().randrange(*limits_)

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return self.get_source().random()

    def uniform(self, a: float, b: float) -> float:
        """Return a number from a to b."""
        return self.get_source().uniform(a, b)

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Return a number about mu, sigma away as a rule."""
        return self.get_source().gauss(mu, sigma)

    def sample(self, population: Any, k: int) -> list[Any]:
        """Return `k` different options."""
        _check_count(k)
        return self.get_source().sample(population, k)

    def shuffle(self, items: list[Any]) -> None:
        """Mix a list; raises TypeError for anything else."""
        if type(items) is not list:
            raise TypeError("shuffle() takes a list")
        self.get_source().shuffle(items)

    def seed(self, value: int) -> None:
        """Begin again from another seed; raises TypeError."""
        if type(value) is not int:
            raise TypeError("seed() takes a whole number")
        self._seed, self._made = value, None


ATTRIBUTES[Random] = split_words(
    "choice choices gauss getrandbits randint randrange random sample seed shuffle uniform"
)


def _check_count(k: Any) -> None:
    if type(k) is int and k > limits.REPEAT_ITEMS:
        raise LimitReachedError("The result would be too large.")
