"""What scripts get for their calls in a test: the stubs written there. Nothing goes out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.brains.calls import METHODS
from app.brains.capabilities.addresses import read_url
from app.brains.capabilities.contract import Asker, CallRefused, Capabilities
from app.brains.cases import Stub
from app.brains.testing.world import World


class Stubs:
    """Answers every call of one test; `missing` tells what was asked and has no stub."""

    grant = ""  # the runtime checks the grant of each method

    def __init__(self, stubs: Sequence[Stub], world: World) -> None:
        self.missing: list[str] = []
        self._stubs = stubs
        self._used: set[int] = set()
        self._world = world

    def capabilities(self) -> Capabilities:
        """Return what the runtime asks, by method name."""
        return dict.fromkeys(METHODS, self)

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> Any:
        """Return the stub's answer; raises CallRefused with its error, or when no stub fits."""
        asked = "\n".join(_texts(arguments))
        if method.startswith("http."):
            # An address the live brain may not ask is refused here too.
            allowed = asker.grants.http.allow if asker.grants.http else ()
            asked += "\n" + read_url(arguments.get("url"), arguments.get("params"), allowed).url
        stub = self._next(method, asked)
        if stub is not None:
            return _answer(method, stub)
        if method == "memory.top":
            return self._world.top(
                str(arguments.get("key", "")),
                int(arguments.get("n", 10)),
                str(arguments.get("scope", "contact")),
            )
        return self.unknown(method, asked.split("\n", 1)[0][:120])

    def unknown(self, method: str, what: str) -> Any:
        """Answer a call that no stub fits, `what` in short; raises CallRefused."""
        self.missing.append(f"{method} {what}".strip())
        raise CallRefused("unavailable", f"The test has no stub for {method} {what}".strip() + ".")

    def _next(self, method: str, asked: str) -> Stub | None:
        fitting = [
            (number, stub)
            for number, stub in enumerate(self._stubs)
            if stub.call == method and (stub.match is None or stub.match in asked)
        ]
        if not fitting:
            return None
        number, stub = next((each for each in fitting if each[0] not in self._used), fitting[-1])
        self._used.add(number)
        return stub


def _answer(method: str, stub: Stub) -> Any:
    """Return a stub's answer in the form of its method; raises CallRefused with its error."""
    if stub.error is not None:
        raise CallRefused("upstream", stub.error)
    if not method.startswith("http."):
        return stub.answer
    given: dict[str, Any] = dict(stub.answer) if isinstance(stub.answer, Mapping) else {"text": stub.answer}
    if not given.keys() & {"status", "text", "json", "headers"}:
        given = {"json": given}
    status, headers = given.get("status", 200), given.get("headers", {})
    if type(status) is not int or not isinstance(headers, Mapping):
        raise CallRefused("denied", "A stub's status is a whole number, its headers are names with texts.")
    text = given["json"] if "json" in given else given.get("text", "")
    if "json" in given or not isinstance(text, str):
        text = json.dumps(text, ensure_ascii=False)
    return {"status": status, "text": text, "headers": {str(name): str(headers[name]) for name in headers}}


def _texts(value: Any) -> Iterator[str]:
    """Give every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)
