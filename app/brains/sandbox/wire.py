"""What goes over a child's socket: jobs out, and answers read as what a hostile process may send."""

import hashlib
import json
import marshal
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NoReturn, Self

from app.brains import limits
from app.db import storable

SCRIPT: Final = "script"
TEMPLATE: Final = "template"

Call = Callable[[str, Mapping[str, Any]], Any]

# Compiled code belongs to one interpreter; a cache that outlives the process would need this too.
_MAGIC = f"{sys.implementation.cache_tag} {sys.hexversion}"


@dataclass(frozen=True, slots=True)
class Source:
    """A script or a template; `key` names it, the same text always by the same name."""

    language: str
    text: str
    key: str

    @classmethod
    def of(cls, language: str, text: str) -> Self:
        """Return the source with its key."""
        return cls(language, text, source_key(language, text))


@lru_cache(4096)
def source_key(language: str, text: str) -> str:
    """Name a source by the SHA-256 of its language, text and interpreter."""
    return hashlib.sha256(f"{_MAGIC}\0{language}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one source for one owner: two owners never share a process.

    `call` answers what a script asks for while it runs; without it every call is refused. `strict` asks for a
    process of its own, `measure` for memory and depth in the usage.
    """

    owner: str
    source: Source
    data: Mapping[str, Any]
    call: Call | None = None
    strict: bool = False
    measure: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What a run gave: {"text"} of a template, {"fx", "ret", "reads"} of a script; not checked any further."""

    data: Mapping[str, Any]
    output: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a run gave nothing, in plain words with the place; columns count from 1.

    `kind`: syntax | rule | error | time | memory | limit | crash | call | sandbox (could not even begin).
    `fx` are the effects until then, for the eye only.
    """

    kind: str
    message: str
    fix: str = ""
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    excerpt: tuple[str, ...] = ()
    output: str = ""
    fx: tuple[Any, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    micros: int = 0


Result = Done | Fault


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a child, checked against the schema: exactly one of `ok`, `error` and `call` is there."""

    number: int
    ok: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    call: str | None
    arguments: Mapping[str, Any]
    fx: tuple[Any, ...]
    output: str
    usage: Mapping[str, float]
    fatal: bool


def run_packet(number: int, job: Job) -> bytes:
    """Write one run as a packet; raises ValueError for data that is not plain."""
    source = job.source
    data: Any = job.data
    return marshal.dumps(("run", number, source.language, source.key, data, job.measure))


def code_packet(key: str, code: bytes) -> bytes:
    """Write compiled code as a packet; it goes ahead of its first run."""
    return marshal.dumps(("code", key, code))


def compile_packet(number: int, source: Source) -> bytes:
    """Write a source to be compiled as a packet."""
    return marshal.dumps(("compile", number, source.language, source.text))


def answer_packet(value: Any, error: str) -> bytes:
    """Write the host's answer to a call as a packet; raises ValueError for a value that is not plain."""
    return marshal.dumps(("answer", value, error))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def unpack(packet: bytes) -> dict[str, Any] | None:
    """Read a packet as a JSON object; None for anything else, such as a crash report."""
    if not packet.startswith(b"{"):
        return None
    try:
        value = _decode(packet.decode())
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict else None


def read_answer(value: Mapping[str, Any]) -> Answer | None:
    """Check an answer against the schema; None when it does not fit."""
    number, ok, error, call = value.get("n"), value.get("ok"), value.get("err"), value.get("call")
    arguments, fx, output = value.get("args", {}), value.get("fx", []), value.get("out", "")
    fits = (
        type(number) is int
        and (type(ok) is dict) + (type(error) is dict) + (type(call) is str) == 1
        and type(arguments) is dict
        and type(fx) is list
        and type(output) is str
    )
    if not fits or len(output) > limits.OUTPUT_CHARS:
        return None
    usage = _usage(value.get("use"))
    return Answer(
        number if type(number) is int else 0,
        ok,
        error,
        call,
        arguments,
        tuple(fx),
        storable(output),
        usage,
        value.get("fatal") is True,
    )


def _usage(value: Any) -> dict[str, float]:
    """Keep of the usage what is on the budget card and a number."""
    if type(value) is not dict:
        return {}
    return {name: value[name] for name in _CARD if type(value.get(name)) in {int, float}}


_CARD = tuple(budget.name for budget in limits.CARD)


def excerpt(text: str, line: int | None) -> tuple[str, ...]:
    """Return the line with its neighbours, each numbered: three lines in all."""
    # As Python and the browser count: a form feed or a line separator ends no line.
    lines = re.split("\r\n|\r|\n", text)
    if line is None or not 1 <= line <= len(lines):
        return ()
    around = range(max(1, line - 1), min(len(lines), line + 1) + 1)
    return tuple(f"{number}: {lines[number - 1][:200]}" for number in around)
