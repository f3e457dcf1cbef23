"""Mock responses of a test in place of external requests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.brains.capabilities import METHODS
from app.brains.capabilities.address_policy import read_url
from app.brains.capabilities.contract import CallContext, CallRefusal, Capabilities
from app.brains.capabilities.http import HttpGrant
from app.brains.document.test_cases import Stub
from app.brains.testing.world import World


class Stubs:
    """Mock responses of one test; `missing` lists the calls without one."""

    def __init__(self, stubs: Sequence[Stub], world: World) -> None:
        self.missing: list[str] = []
        self._stubs = stubs
        self._used: set[int] = set()
        self._world = world

    def build_capabilities(self) -> Capabilities:
        """Return the capabilities of the runtime, by method name."""
        return dict.fromkeys(METHODS, self)

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Return the mock response; raises CallRefusal with its error, or when none matches."""
        request_text = "\n".join(_list_texts(arguments))
        if method.startswith("http."):
            # An address the live brain may not ask is refused here too.
            grant = context.grants.get(HttpGrant)
            allowed = grant.allow if grant else ()
            request_text += "\n" + read_url(arguments.get("url"), arguments.get("params"), allowed).url
        stub = self._find_stub(method, request_text)
        if stub is not None:
            return _build_answer(method, stub)
        if method == "memory.top":
            return self._world.list_highest(
                str(arguments.get("key", "")),
                int(arguments.get("n", 10)),
                str(arguments.get("scope", "contact")),
            )
        return self.answer_unknown(method, request_text.split("\n", 1)[0][:120])

    def answer_unknown(self, method: str, what: str) -> Any:
        """Answer a call without a mock response, `what` is its summary; raises CallRefusal."""
        self.missing.append(f"{method} {what}".strip())
        raise CallRefusal("unavailable", f"The test has no stub for {method} {what}".strip() + ".")

    def _find_stub(self, method: str, request_text: str) -> Stub | None:
        fitting = [
            (number, stub)
            for number, stub in enumerate(self._stubs)
            if stub.call == method and (stub.match is None or stub.match in request_text)
        ]
        if not fitting:
            return None
        number, stub = next((each for each in fitting if each[0] not in self._used), fitting[-1])
        self._used.add(number)
        return stub


def _build_answer(method: str, stub: Stub) -> Any:
    """Return a mock response in the form of its method; raises CallRefusal with its error."""
    if stub.error is not None:
        raise CallRefusal("upstream", stub.error)
    if not method.startswith("http."):
        return stub.answer
    given: dict[str, Any] = dict(stub.answer) if isinstance(stub.answer, Mapping) else {"text": stub.answer}
    if not given.keys() & {"status", "text", "json", "headers"}:
        given = {"json": given}
    status, headers = given.get("status", 200), given.get("headers", {})
    if type(status) is not int or not isinstance(headers, Mapping):
        raise CallRefusal("denied", "A stub's status is a whole number, its headers are names with texts.")
    text = given["json"] if "json" in given else given.get("text", "")
    if "json" in given or not isinstance(text, str):
        text = json.dumps(text, ensure_ascii=False)
    return {"status": status, "text": text, "headers": {str(name): str(headers[name]) for name in headers}}


def _list_texts(value: Any) -> Iterator[str]:
    """Yield every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _list_texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _list_texts(each)
    elif value is not None:
        yield str(value)
