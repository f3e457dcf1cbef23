"""Records: values that are never changed after they are made, which the type checker holds the code to."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """Make a class a dataclass with slots and a hash, whose fields are read-only for the type checker.

    A dataclass that refuses changes at run time costs four to five times as much to build, and several are built for
    every message (docs/decisions/0022).
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


def replace_fields(record: T, **changes: Any) -> T:
    """Return a copy of a record with other values, as `dataclasses.replace` does, in a third of its time.

    For records built for every message whose constructor takes every field. Raises AttributeError for an unknown field.
    """
    kind = type(record)
    made = kind(*_find_reader(kind)(record))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@cache
def _find_reader(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(each.name for each in fields(kind)))
