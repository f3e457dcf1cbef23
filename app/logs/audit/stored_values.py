"""Column types of the audit's entries that read whatever somebody may have put there, one value at a time.

A value that cannot be what was written is read as `Unreadable`: one row must not hide all others.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String, TypeDecorator
from sqlalchemy.types import TypeEngine

# Characters of what stands there that are shown.
_SHOWN_CHARS: Final = 500
# The year 9000 in ms: later ones have no date in every zone.
LATEST_MOMENT: Final = 221_845_392_000_000
LARGEST: Final = 2**63 - 1


class Unreadable(str):
    """What stands where something else was written, in words to show."""

    __slots__ = ()

    @classmethod
    def describe(cls, value: object) -> "Unreadable":
        """Return the words for a value."""
        return cls(f"unreadable: {str(value)[:_SHOWN_CHARS]}")


class StoredText(TypeDecorator[str]):
    """A text; SQLite keeps bytes as well."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's
        """Return the text, or what is unreadable."""
        return value if value is None or isinstance(value, str) else Unreadable.describe(value)


class StoredNumber(TypeDecorator[int]):
    """A whole number from 0 to `most`; SQLite keeps anything."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, most: int = LARGEST) -> None:
        super().__init__()
        self.most = most

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's
        """Return the number, or what is unreadable."""
        is_sound = value is None or (type(value) is int and 0 <= value <= self.most)
        return value if is_sound else Unreadable.describe(value)


class StoredId(StoredNumber):
    """The id of a row."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        """Return what ids are in a database, as app.db.schema.BigId does."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class StoredChanges(TypeDecorator[list[Any]]):
    """Changed rows as JSON."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., Any]:
        """Return what reads a value: changes, or what is unreadable."""
        decode = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)

        def read(value: Any) -> Any:
            try:
                found = decode(value) if decode else value
            except (ValueError, TypeError, RecursionError):
                return Unreadable.describe(value)
            return found if is_list_of_changes(found) else Unreadable.describe(value)

        return read


def is_list_of_changes(found: object) -> bool:
    """Tell whether a JSON value has the shape in which an entry keeps changed rows."""
    return isinstance(found, list) and all(isinstance(each, dict) and _is_change(each) for each in found)


def _is_change(change: dict[str, Any]) -> bool:
    sides = (change.get("before"), change.get("after"))
    counts = (change.get("more", 0), change.get("size", 0))
    return all(side is None or isinstance(side, dict) for side in sides) and all(
        type(count) is int for count in counts
    )
