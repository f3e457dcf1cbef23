"""Global names of a script: allowed builtins, and the guards its compiled code calls."""

from __future__ import annotations

from . import guards, operators
from .language import CallError, Output
from .shapes import TypeFacade
from .texts import to_ascii, to_repr, to_string

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any

OUTPUT = Output()


def guard_print(*values: Any, sep: str = " ", end: str = "\n") -> None:
    """Add values to what the run printed; raises LimitReachedError."""
    text = (
        values[0] if len(values) == 1 and type(values[0]) is str else (sep or "").join(map(to_string, values))
    )
    OUTPUT.write(text + end)


guard_print.__qualname__ = "print"
to_ascii.__qualname__ = "ascii"
to_repr.__qualname__ = "repr"
operators.guard_range.__qualname__ = "range"
operators.guard_round.__qualname__ = "round"
operators.guard_pow.__qualname__ = "pow"

# Real types stand here, since isinstance() needs them: a type has no attributes in a script.
_BUILTINS: dict[str, Any] = {
    made.__name__: made
    for made in (
        *(
            abs,
            all,
            any,
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
        *(int, len, list, map, max, min, oct, ord, reversed, set, slice, sorted, sum, tuple, zip),
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
    "ascii": to_ascii,
    "print": guard_print,
    "repr": to_repr,
    "str": TypeFacade("str", str, to_string, {}),
    "range": operators.guard_range,
    "round": operators.guard_round,
    "pow": operators.guard_pow,
    "getattr": guards.guard_getattr,
    "hasattr": guards.guard_hasattr,
    "isinstance": guards.guard_isinstance,
}
# What the grammar puts into compiled code; no script can write, read or bind a name with an underscore.
GUARDS: dict[str, Any] = {
    "_getattr_": guards.read_attribute,
    "_getitem_": guards.read_item,
    "_getiter_": guards.check_iterable,
    "_write_": guards.check_writable,
    "_inplaceitem_": guards.change_item,
    "_inplacevar_": operators.apply_in_place,
    "_mul_": operators.multiply,
    "_pow_": operators.compute_power,
    "_shift_": operators.shift,
    "_mod_": operators.compute_remainder,
    "_format_": operators.format_value,
}
