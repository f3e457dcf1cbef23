"""The names every script begins with: Python's harmless builtins, and the guards its compiled code calls."""

from __future__ import annotations

from . import guards, operators
from .language import CallError, Output
from .plain import clean

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any

OUTPUT = Output()


def guarded_print(*values: Any, sep: str = " ", end: str = "\n") -> None:
    """Add values to what the run printed; raises LimitReachedError."""
    text = values[0] if len(values) == 1 and type(values[0]) is str else (sep or "").join(map(str, values))
    OUTPUT.write(clean(text) + end)


guarded_print.__qualname__ = "print"
operators.guarded_range.__qualname__ = "range"
operators.guarded_round.__qualname__ = "round"
operators.guarded_pow.__qualname__ = "pow"

# Real types stand here, since isinstance() needs them: a type has no attributes in a script.
_BUILTINS: dict[str, Any] = {
    made.__name__: made
    for made in (
        *(
            abs,
            all,
            any,
            ascii,
            bin,
            bool,
            callable,
            chr,
            dict,
            divmod,
            enumerate,
            filter,
            float,
            frozenset,
            hex,
        ),
        *(int, len, list, map, max, min, oct, ord, repr, reversed, set, slice, sorted, str, sum, tuple, zip),
        *(ArithmeticError, AssertionError, AttributeError, Exception, ImportError, IndexError, KeyError),
        *(LookupError, NameError, NotImplementedError, OverflowError, RecursionError, RuntimeError),
        *(
            StopIteration,
            TypeError,
            UnboundLocalError,
            UnicodeError,
            ValueError,
            ZeroDivisionError,
            CallError,
        ),
    )
}
BUILTINS: dict[str, Any] = {
    **_BUILTINS,
    "print": guarded_print,
    "range": operators.guarded_range,
    "round": operators.guarded_round,
    "pow": operators.guarded_pow,
    "getattr": guards.guarded_getattr,
    "hasattr": guards.guarded_hasattr,
    "isinstance": guards.guarded_isinstance,
}
# What the grammar puts into compiled code; no script can write, read or bind a name with an underscore.
GUARDS: dict[str, Any] = {
    "_getattr_": guards.read_attribute,
    "_getitem_": guards.read_item,
    "_getiter_": guards.iterable,
    "_write_": guards.writable,
    "_inplaceitem_": guards.change_item,
    "_inplacevar_": operators.in_place,
    "_mul_": operators.multiply,
    "_pow_": operators.power,
    "_shift_": operators.shift,
    "_mod_": operators.remainder,
    "_format_": operators.formatted,
}
