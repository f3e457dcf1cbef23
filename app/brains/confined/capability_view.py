"""`ctx.<capability>`: calls that the host declares as plain data (`calls` of a job), as a script sees them."""

from __future__ import annotations

from .facades import load_json
from .guards import ATTRIBUTES, name_methods, split_words
from .plain import to_plain, to_short_text, to_text
from .shapes import Namespace, TitledObject

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    # Name, kind (value, text, rest), title in errors, longest text (0 = any), whether it is required, default.
    Parameter = tuple[str, str, str, int, bool, Any]
    # Permission, what it allows (“ask the AI”), shape of the answer, parameters.
    Declared = tuple[str, str, str, Sequence[Parameter]]
    Ask = Callable[[str, str, str, dict[str, Any]], Any]


class Response:
    """What a web server answered: `.status`, `.text`, `.headers` and `.json()`."""

    __slots__ = ("headers", "status", "text")
    title = "response"

    def __init__(self, status: int, text: str, headers: dict[str, str]) -> None:
        self.status = status
        self.text = text
        self.headers = headers

    def json(self) -> Any:
        """Return the text read as JSON; raises ValueError."""
        return load_json(self.text)

    def __repr__(self) -> str:
        return f"<response {self.status}>"


ATTRIBUTES[Response] = split_words("status text headers json")
name_methods(Response)


class CapabilityCall(TitledObject):
    """One call, such as `ctx.http.get`: checks its arguments, and asks the host."""

    __slots__ = ("_ask", "_declared", "_path")
    title = "function"

    def __init__(self, path: str, declared: Declared, ask: Ask) -> None:
        self._path = path
        self._declared = declared
        self._ask = ask

    def __repr__(self) -> str:
        return f"<ctx.{self._path}>"

    def __call__(self, /, *args: Any, **named: Any) -> Any:
        """Ask the host; raises CallError, and TypeError, ValueError or LimitReachedError for wrong arguments."""
        grant, purpose, answer, parameters = self._declared
        arguments = _bind(f"ctx.{self._path}()", parameters, args, named)
        value = self._ask(grant, purpose, self._path, arguments)
        if answer == "response":
            return Response(value["status"], value["text"], value["headers"])
        return value


def build_members(calls: Mapping[str, Declared], ask: Ask) -> dict[str, CapabilityCall | Namespace]:
    """Return the members of `ctx` that calls declare, by name: a call, or a group of calls."""
    members: dict[str, Any] = {}
    for path, declared in calls.items():
        head, _, method = path.partition(".")
        call = CapabilityCall(path, declared, ask)
        if method:
            members.setdefault(head, Namespace(f"ctx.{head}", {})).members[method] = call
        else:
            members[head] = call
    return members


def _bind(
    shown: str, parameters: Sequence[Parameter], args: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments by name as plain data; raises TypeError in Python's own words."""
    names = [parameter[0] for parameter in parameters if parameter[1] != "rest"]
    if len(args) > len(names):
        raise TypeError(f"{shown} takes {len(names)} positional arguments but {len(args)} were given")
    given = dict(zip(names, args, strict=False))
    rest: dict[str, Any] = {}
    for name, value in named.items():
        if name in given:
            raise TypeError(f"{shown} got multiple values for argument '{name}'")
        (given if name in names else rest)[name] = value
    if rest and len(names) == len(parameters):
        raise TypeError(f"{shown} got an unexpected keyword argument '{next(iter(rest))}'")
    missing = [f"'{each[0]}'" for each in parameters if each[4] and each[0] not in given]
    if missing:
        word = "argument" if len(missing) == 1 else "arguments"
        raise TypeError(f"{shown} missing {len(missing)} required positional {word}: {' and '.join(missing)}")
    return _convert(parameters, given, rest)


def _convert(parameters: Sequence[Parameter], given: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Return the values as plain data; what is optional and None is left out."""
    arguments: dict[str, Any] = {}
    for name, kind, title, max_chars, is_required, default in parameters:
        value = rest if kind == "rest" else given.get(name, default)
        if value is None and not is_required:
            continue
        if kind == "text":
            arguments[name] = to_short_text(value, title, max_chars) if max_chars else to_text(value, title)
        else:
            arguments[name] = to_plain(value, title)
    return arguments
