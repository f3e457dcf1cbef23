"""Language “template”: compiles and renders Jinja templates."""

import marshal
from collections.abc import Callable, Generator, Mapping
from typing import Any, cast

from jinja2 import Template, TemplateSyntaxError

from .. import limits  # noqa: TID252  the package has another name in the child
from .jinja_policy import TEMPLATE_FILE, build_environment, check_source, find_deepest_line
from .language import LanguageError, LimitReachedError, OutOfTimeError, Output
from .script import build_sample
from .zones import LOCAL

_ENVIRONMENT = build_environment()
_NOT_SEEN = frozenset({"clock", "seed", "grants", "commands"})
_WARM_UP = """{% macro m(x) %}{{ x|default("\\u00e9")|title|trim|truncate(9)|wordwrap(9)|urlencode }}
{% endmacro %}
{% set n = namespace(i=0) %}{% for x in range(2) %}{{ loop.index ~ m(x|string) }}{% endfor %}
{{ sender.items()|list|sort }}{{ memory.nothing|default("") }}{{ chat.memory.x is defined }}
{{ 0|strftime("%H:%M", "Africa/Accra") }}
{{ [1, 2.5]|sum|round }}{% if 1 is odd and "a" in "ab" %}{{ "b"|replace("b", "a") }}{% endif %}"""
_WARM_UP_ERROR = "{{ sender.nobody }}"


def compile_template(source: str) -> tuple[bytes, int]:
    """Return marshalled code and the number of syntax nodes; raises LanguageError with the line."""
    check_source(source)
    try:
        code = _ENVIRONMENT.compile(source, filename=TEMPLATE_FILE)
    except TemplateSyntaxError as error:
        raise LanguageError("syntax", error.message or "", error.lineno, code="syntax") from None
    except SyntaxError as error:
        raise LanguageError(
            "limit", "This template nests too many blocks.", error.lineno, code="nested"
        ) from None
    except (RecursionError, MemoryError):
        line = find_deepest_line(source)
        raise LanguageError("limit", "This template is nested too deeply.", line, code="nested") from None
    return marshal.dumps(code), _ENVIRONMENT.counted


class Compiler:
    """Compiler of templates."""

    name = "template"
    file = TEMPLATE_FILE
    compile: Callable[[str], tuple[bytes, int]] = staticmethod(compile_template)

    @property
    def facts(self) -> list[Any]:
        """Facts of the template that was compiled last."""
        return _ENVIRONMENT.facts

    def warm_up(self) -> list[str]:
        """Return templates that use the whole grammar, and its errors."""
        return [_WARM_UP, "{{ (", _WARM_UP]


class TemplateLanguage:
    """Template language; templates have no effects and print nothing."""

    name = "template"
    file = TEMPLATE_FILE

    def __init__(self) -> None:
        self.output = Output()
        self.effects: list[Any] = []

    def load(self, code: bytes) -> Template:
        """Load compiled code for rendering."""
        # Compiled in a process as confined as this one.
        loaded = marshal.loads(code)  # noqa: S302
        return _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, loaded, _ENVIRONMENT.make_globals(None))

    def run(
        self, runnable: Template, data: Mapping[str, Any], _call: Callable[[str, Any], Any]
    ) -> dict[str, str]:
        """Render once: return the text; raises whatever the template raises."""
        LOCAL.begin(data.get("now", {}).get("zone", "UTC"))
        stream = cast("Generator[str, None, None]", runnable.generate(build_variables(data)))
        try:
            return {"text": _collect(stream)}
        except OutOfTimeError as error:
            if not _has_line(error):
                # It rang between two pieces: let it ring where the template stands.
                stream.throw(error)
            raise

    def warm_up(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return harmless compiled templates with data."""
        sources = (_WARM_UP, _WARM_UP_ERROR, _WARM_UP)
        return [(compile_template(source)[0], build_sample()) for source in sources]


def build_variables(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a template: memory by scope, without the data only scripts need."""
    seen = {name: value for name, value in data.items() if name not in _NOT_SEEN}
    memory = data.get("memory", {})
    seen["memory"] = memory.get("contact", {})
    seen["chat"] = {**data.get("chat", {}), "memory": memory.get("chat", {})}
    seen["brain"] = {"memory": memory.get("brain", {})}
    return seen


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


def _has_line(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEMPLATE_FILE:
            return True
        trace = trace.tb_next
    return False


LANGUAGE = TemplateLanguage()
COMPILER = Compiler()
