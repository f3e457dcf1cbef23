"""Record, Module and TypeFacade: how a script sees values that are no plain data."""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

KNOWN = 40  # names told to who looks for a typo


class MissingKeyError(KeyError):
    """Missing key of a record or dictionary; `known` lists the keys there are."""

    def __init__(self, wanted: object, known: Iterable[object]) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.known = [key for key, _ in zip(known, range(KNOWN), strict=False) if type(key) is str]


class Record:
    """Named values, read as `x.name`, `x["name"]` or `x.get("name")`."""

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


def build_record(title: str, value: Any) -> Any:
    """Return JSON data whose dictionaries, those within others too, are read as `x.name` as well."""
    if type(value) is dict:
        return Record(title, {name: build_record(f"{title}.{name}", inner) for name, inner in value.items()})
    return [build_record(title, inner) for inner in value] if type(value) is list else value


class TitledObject:
    """Object whose text is its title instead of its address."""

    __slots__ = ()
    title = ""

    def __repr__(self) -> str:
        return f"<{self.title}>"


class Namespace(TitledObject):
    """Part of `ctx` whose members are calls."""

    __slots__ = ("members", "title")

    def __init__(self, title: str, members: dict[str, Any]) -> None:
        self.title = title
        self.members = members


class Module:
    """Imported module as a script sees it: a name and its members."""

    __slots__ = ("members", "title")

    def __init__(self, title: str, members: dict[str, Any]) -> None:
        self.title = title
        self.members = members

    def __repr__(self) -> str:
        return f"<module {self.title!r}>"


class TypeFacade:
    """Type as a script sees it: constructor, a few members, accepted by isinstance()."""

    __slots__ = ("kind", "make", "members", "title")

    def __init__(self, title: str, kind: type, make: Callable[..., Any], members: dict[str, Any]) -> None:
        self.title = title
        self.kind = kind
        self.make = make
        self.members = members

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Make an object of the type."""
        return self.make(*args, **named)

    def __or__(self, other: Any) -> tuple[Any, ...]:
        """Return both types, as isinstance(x, str | int) takes them."""
        return (self, *other) if type(other) is tuple else (self, other)

    def __ror__(self, other: Any) -> tuple[Any, ...]:
        """Return both types."""
        return (*other, self) if type(other) is tuple else (other, self)

    def __repr__(self) -> str:
        return f"<class {self.title!r}>"
