"""Packet format between host and child: marshal out, untrusted JSON in."""

import json
import marshal
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from app.brains import limits
from app.brains.sandbox.types import Job, Source
from app.immutable import immutable
from app.text import to_storable


@immutable
class ChildResponse:
    """Validated answer of a child: exactly one of `ok`, `error` and `call` is set."""

    number: int
    ok: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    call: str | None
    arguments: Mapping[str, Any]
    fx: tuple[Any, ...]
    output: str
    usage: Mapping[str, float]


def encode_run(number: int, job: Job) -> bytes:
    """Encode a run as a packet; raises ValueError for data that is not plain."""
    source = job.source
    data: Any = job.data
    return marshal.dumps(("run", number, source.language, source.key, data, job.measure))


def encode_code(key: str, code: bytes) -> bytes:
    """Encode compiled code as a packet, sent ahead of its first run."""
    return marshal.dumps(("code", key, code))


def encode_compile(number: int, source: Source) -> bytes:
    """Encode a source to be compiled as a packet."""
    return marshal.dumps(("compile", number, source.language, source.text))


def encode_answer(value: Any, error: str) -> bytes:
    """Encode the host's answer to a call as a packet; raises ValueError for a value that is not plain."""
    return marshal.dumps(("answer", value, error))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_read_float).decode


def decode(packet: bytes) -> dict[str, Any] | None:
    """Decode a packet as a JSON object; None for anything else, such as a crash report."""
    if not packet.startswith(b"{"):
        return None
    try:
        value = _decode(packet.decode())
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict else None


def parse_response(value: Mapping[str, Any]) -> ChildResponse | None:
    """Validate an answer against the schema; None when it is invalid."""
    number, ok, error, call = value.get("n"), value.get("ok"), value.get("err"), value.get("call")
    arguments, fx, output = value.get("args", {}), value.get("fx", []), value.get("out", "")
    fits = (
        type(number) is int
        and 0 <= number <= _MAX_USAGE
        and (type(ok) is dict) + (type(error) is dict) + (type(call) is str) == 1
        and type(arguments) is dict
        and type(fx) is list
        and type(output) is str
    )
    if not fits or len(output) > limits.OUTPUT_CHARS:
        return None
    usage = _parse_usage(value.get("use"))
    return ChildResponse(
        number if type(number) is int else 0,
        ok,
        error,
        call,
        arguments,
        tuple(fx),
        to_storable(output),
        usage,
    )


def _parse_usage(value: Any) -> dict[str, float]:
    """Return the known numbers of the usage, as far as they can be true."""
    if type(value) is not dict:
        return {}
    return {
        name: value[name]
        for name in _USAGE_NAMES
        if type(value.get(name)) in {int, float} and 0 <= value[name] <= _MAX_USAGE
    }


_MAX_USAGE = 2**40
_USAGE_NAMES = tuple(budget.name for budget in limits.BUDGET_CARD)
