"""What goes over the socket: jobs out, and a child's answers read as what a hostile process may send."""

import hashlib
import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.brains import limits
from app.db import storable


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One template to render for one brain version; without a context it is only checked."""

    version_id: int
    source: str
    context: Mapping[str, Any] | None
    key: str = ""  # names the source within its version; the source's hash when empty


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text a template gave, and how long its child took."""

    text: str
    micros: int = 0


@dataclass(frozen=True, slots=True)
class RenderError:
    """Why a template gave no text, in plain words, with the lines around the place."""

    message: str
    line: int | None = None
    excerpt: tuple[str, ...] = ()
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a child, checked against the schema."""

    number: int
    text: str | None
    error: str
    line: int | None
    fatal: bool


def template_key(source: str) -> str:
    """Return the name under which a child keeps this template."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def pack(number: int, job: RenderJob, key: str, *, send_source: bool) -> bytes:
    """Write one job as a packet; the source goes along only the first time."""
    context = None if job.context is None else dict(job.context)
    return marshal.dumps((number, key, job.source if send_source else None, context))


def unpack(packet: bytes) -> dict[str, Any] | None:
    """Read a packet as a JSON object; None for anything else, such as a crash report."""
    if not packet.startswith(b"{") or len(packet) > limits.PACKET_BYTES:
        return None
    try:
        value = json.loads(packet)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_answer(value: Mapping[str, Any]) -> Answer | None:
    """Check an answer against the schema; None when it does not fit."""
    number, text, line = value.get("n"), value.get("ok"), value.get("line")
    error = value.get("error", "")
    if type(number) is not int or type(error) is not str or (line is not None and type(line) is not int):
        return None
    if text is not None and (type(text) is not str or len(text) > limits.OUTPUT_CHARS):
        return None
    text = None if text is None else storable(text)
    return Answer(number, text, storable(error[: limits.ERROR_CHARS]), line, value.get("fatal") is True)


def excerpt(source: str, line: int | None) -> tuple[str, ...]:
    """Return the line with its neighbours, each numbered: three lines in all."""
    lines = source.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return ()
    around = range(max(1, line - 1), min(len(lines), line + 1) + 1)
    return tuple(f"{number}: {lines[number - 1][:200]}" for number in around)
