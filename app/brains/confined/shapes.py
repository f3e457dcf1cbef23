"""The shapes in which a script sees what is not plain data: records, modules and types, each with named members."""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

KNOWN = 40  # names told to who looks for a typo


class MissingKeyError(KeyError):
    """There is no such key; `known` are those there are."""

    def __init__(self, wanted: object, known: Iterable[object]) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.known = [key for key, _ in zip(known, range(KNOWN), strict=False) if type(key) is str]


class Record:
    """Values to be read by name, as `x.name`, `x["name"]` or `x.get("name")`."""

    __slots__ = ("fields", "title")

    def __init__(self, title: str, fields: dict[str, Any]) -> None:
        self.title = title
        self.fields = fields

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise MissingKeyError(name, self.fields) from None

    def __repr__(self) -> str:
        return f"{self.title} {self.fields!r}"

    def keys(self) -> Any:
        """Return the names."""
        return self.fields.keys()


class Shown:
    """Shows itself by its title, not by where Python keeps it."""

    __slots__ = ()
    title = ""

    def __repr__(self) -> str:
        return f"<{self.title}>"


class Module:
    """What an import gives: a name and its members, never a module."""

    __slots__ = ("members", "title")

    def __init__(self, title: str, members: dict[str, Any]) -> None:
        self.title = title
        self.members = members

    def __repr__(self) -> str:
        return f"<module {self.title!r}>"


class TypeFacade:
    """Stands for a type: makes its objects, holds a few members, and is known to isinstance()."""

    __slots__ = ("kind", "make", "members", "title")

    def __init__(self, title: str, kind: type, make: Callable[..., Any], members: dict[str, Any]) -> None:
        self.title = title
        self.kind = kind
        self.make = make
        self.members = members

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Make an object of the type."""
        return self.make(*args, **named)

    def __repr__(self) -> str:
        return f"<class {self.title!r}>"
