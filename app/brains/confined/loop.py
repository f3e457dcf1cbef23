"""The life of a child: confine itself, then render one job after another from its socket.

Host to child: marshal of (number, key, source or None, context or None); no context asks for a check only.
Child to host: JSON `{"n", "ok"}` or `{"n", "error", "line", "fatal"}`; what is no JSON is a crash report.
"""

import faulthandler
import gc
import json
import marshal
import os
import signal
import sys
import traceback
from collections.abc import Collection, Generator
from types import FrameType, TracebackType
from typing import Any, NoReturn, cast

from jinja2 import Environment, Template, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError, TemplateRuntimeError

from .. import limits  # noqa: TID252  the package has another name in the child
from .confine import StepFailedError, confine
from .policy import TEMPLATE_FILE, LimitReachedError, check_source

Templates = dict[str, Template | Exception]

_SOCKET = 0
# What Python loads lazily must be loaded before files are out of reach: codecs, filters, the way of an error.
_WARM_UP = """{% macro m(x) %}{{ x|default("\\u00e9")|title|trim|truncate(9)|wordwrap(9)|urlencode }}
{% endmacro %}
{% set n = namespace(i=0) %}{% for x in range(2) %}{{ loop.index ~ m(x|string) }}{% endfor %}
{{ who.items()|list|sort }}
{{ [1, 2.5]|sum|round }}{% if 1 is odd and "a" in "ab" %}{{ "b"|replace("b", "a") }}{% endif %}"""
_WARM_UP_ERROR = "{{ who.nobody }}"


class OutOfTimeError(BaseException):
    """The soft time limit; no Exception, so that nothing on the way swallows it."""


def _on_alarm(_number: int, _frame: FrameType | None) -> NoReturn:
    raise OutOfTimeError


def serve(environment: Environment, layers: Collection[str]) -> NoReturn:
    """Confine this process, say what is in force, and answer jobs until the host hangs up."""
    _prepare_signals()
    templates: Templates = {}
    for source in (_WARM_UP, _WARM_UP_ERROR, _WARM_UP):
        json.dumps(_answer(environment, {}, ("", source, {"who": {"name": "x"}})))
    try:
        in_force = confine(layers)
    except StepFailedError as error:
        _send({"refused": str(error)})
        os._exit(3)
    sys.setrecursionlimit(limits.RECURSION)
    gc.collect()
    gc.freeze()
    _send({"ready": in_force})
    while packet := os.read(_SOCKET, limits.PACKET_BYTES):
        number, key, source, context = marshal.loads(packet)  # noqa: S302  only the host can write to this socket
        answer = _answer(environment, templates, (key, source, context))
        _send({"n": number, **answer})
        if answer.get("fatal"):
            os._exit(1)
    os._exit(0)


def _prepare_signals() -> None:
    """Set two of three clocks: ours raises, the processor's reports the line and dies (specs: sandbox 5)."""
    signal.signal(signal.SIGALRM, _on_alarm)
    faulthandler.enable(file=_SOCKET, all_threads=False)
    faulthandler.register(signal.SIGPROF, file=_SOCKET, all_threads=False, chain=True)


def _answer(
    environment: Environment, templates: Templates, job: tuple[str, str | None, dict[str, Any] | None]
) -> dict[str, Any]:
    """Do one job; whatever goes wrong becomes words and a line (a border where everything is caught)."""
    key, source, context = job
    try:
        signal.setitimer(signal.ITIMER_PROF, limits.CPU_SECONDS)
        try:
            if source is not None:
                _start_clock()
                _remember(environment, templates, key, source)
            template = templates[key]
            if isinstance(template, Exception):
                raise template
            if context is None:
                return {"ok": ""}
            _start_clock()
            return {"ok": _render(template, context)}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
    except BaseException as error:  # noqa: BLE001  the border of operators' text
        return _explain(error)


def _remember(environment: Environment, templates: Templates, key: str, source: str) -> None:
    """Compile and keep; a failure is kept too, since the host sends a source only once."""
    try:
        templates[key] = _compile(environment, source)
    except Exception as error:
        templates[key] = error
        raise


def _start_clock() -> None:
    signal.setitimer(signal.ITIMER_REAL, limits.SOFT_SECONDS, limits.SOFT_AGAIN_SECONDS)


def _compile(environment: Environment, source: str) -> Template:
    check_source(source)
    code = environment.compile(source, filename=TEMPLATE_FILE)
    return environment.template_class.from_code(environment, code, environment.make_globals(None))


def _render(template: Template, context: dict[str, Any]) -> str:
    stream = cast("Generator[str, None, None]", template.generate(context))
    try:
        return _collect(stream)
    except OutOfTimeError as error:
        if _line(error.__traceback__) is None:
            # It rang between two pieces: let it ring where the template stands.
            stream.throw(error)
        raise


def _collect(stream: Generator[str, None, None]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in stream:
        size += len(piece)
        if size > limits.OUTPUT_CHARS:
            # Raised where the template stands, so that the error has its line.
            stream.throw(LimitReachedError(f"The text grew beyond {limits.OUTPUT_CHARS:,} characters."))
        pieces.append(piece)
    return "".join(pieces)


def _explain(error: BaseException) -> dict[str, Any]:
    """Turn any error into plain words, the template's line, and whether this process must end."""
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(error.__traceback__)
    fatal = isinstance(error, (OutOfTimeError, MemoryError, RecursionError)) or not isinstance(
        error, Exception
    )
    return {"error": _words(error)[: limits.ERROR_CHARS], "line": line, "fatal": fatal}


def _words(error: BaseException) -> str:
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words
    text = str(error) or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return f"This template cannot be read: {error.message or text}"
    if isinstance(error, SyntaxError):
        return "This template nests too many blocks."
    if isinstance(error, (UndefinedError, SecurityError, TemplateRuntimeError, LimitReachedError)):
        return text
    return f"The template cannot do this: {text}"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (OutOfTimeError, f"The template ran longer than {limits.SOFT_SECONDS * 1000:.0f} ms and was stopped."),
    (
        MemoryError,
        f"The template wanted more than {limits.MEMORY_BYTES // 2**20} MB of memory and was stopped.",
    ),
    (RecursionError, "The template is nested too deeply, or a macro calls itself without end."),
    (ZeroDivisionError, "The template divides by zero."),
)


def _line(trace: TracebackType | None) -> int | None:
    lines = [line for frame, line in traceback.walk_tb(trace) if frame.f_code.co_filename == TEMPLATE_FILE]
    return lines[-1] if lines else None


def _send(answer: dict[str, Any]) -> None:
    os.write(_SOCKET, json.dumps(answer).encode())
