"""Declaration of a call that a script can make (`ctx.http.get`): parameters, answer, words for the reference."""

import re
from typing import Any, Final, Literal, NamedTuple

from app.immutable import immutable

_PATH: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")

# As the sandbox gets it (app.brains.confined.capability_view): permission, purpose, answer, parameters.
PlainCall = tuple[str, str, str, tuple[tuple[str, str, str, int, bool, Any], ...]]


class ReferenceEntry(NamedTuple):
    """One member of `ctx`: its path (`memory.get`), what to insert, and what it does."""

    path: str
    example: str
    description: str


@immutable
class CallParameter:
    """One parameter of a call.

    `kind`: value (any JSON data), text (numbers become texts) or rest (all further named values, as one dictionary).
    `max_chars` of a text: it is trimmed and must not be empty; 0 = any text. `title` is what errors call it. An
    optional one whose value is None is left out of the arguments.
    """

    name: str
    kind: Literal["value", "text", "rest"] = "value"
    title: str = ""
    max_chars: int = 0
    is_required: bool = False
    default: str | float | None = None

    @property
    def signature(self) -> str:
        """How the parameter stands in a signature, as Python writes it."""
        if self.kind == "rest":
            return f"**{self.name}"
        return self.name if self.is_required else f"{self.name}={_quote(self.default)}"


@immutable
class ScriptCall:
    """One call; `path` is its name behind `ctx.` and the method that the capability answers, such as http.get.

    `answer`: value (plain data as it comes) or response (of a web server, with its status, text and headers).
    Raises ValueError for a path that is no name or two, joined by a dot.
    """

    path: str
    description: str
    example: str
    parameters: tuple[CallParameter, ...] = ()
    answer: Literal["value", "response"] = "value"

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.path!r} cannot be called in a script")

    @property
    def attribute(self) -> str:
        """The member of `ctx` that the call is or belongs to."""
        return self.path.partition(".")[0]

    @property
    def signature(self) -> str:
        """How it is called, as Python writes it: `get(url, params=None)`."""
        shown = ", ".join(parameter.signature for parameter in self.parameters)
        return f"{self.path.rpartition('.')[2]}({shown})"

    @property
    def reference(self) -> ReferenceEntry:
        """The entry of the script reference."""
        return ReferenceEntry(self.path, self.example, self.description)

    def to_plain(self, grant: str, purpose: str) -> PlainCall:
        """Return the declaration as plain data for the sandbox."""
        parameters = tuple(
            (each.name, each.kind, each.title or each.name, each.max_chars, each.is_required, each.default)
            for each in self.parameters
        )
        return (grant, purpose, self.answer, parameters)


def _quote(value: str | float | None) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
