"""All that can be written in a script or a template, with signature, words and example: read from the real things."""

import datetime as dt
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from app.admin import meanings
from app.admin.script_reference import REFERENCE
from app.brains.confined.context import Context, Http, Response
from app.brains.confined.facades import JSON, MATH, Random
from app.brains.confined.guards import ATTRIBUTES, GUARDED
from app.brains.confined.imports import Clock
from app.brains.confined.memory_view import Memory
from app.brains.confined.names import BUILTINS
from app.brains.confined.patterns import RE
from app.brains.confined.shapes import Module, TypeFacade

_PARTS: Final = {"memory": Memory, "http": Http, "random": Random}
_PLAIN: Final = (str, list, dict)


@dataclass(frozen=True, slots=True)
class Word:
    """One name; `path` as in `ctx.memory.get`, what a call gives stands behind `()`.

    What texts, lists and dictionaries can do stands behind `<str>`, `<list>` and `<dict>`.
    `kind` is variable | property | method | function | class | namespace | constant | filter | block.
    """

    path: str
    kind: str
    words: str = ""
    call: str = ""
    example: str = ""


@lru_cache(1)
def script_words() -> tuple[Word, ...]:
    """Return what every script can write, whatever its brain."""
    begin = Word("ctx", "variable", "All that a script can see, answer and ask for")
    return (begin, *_context(), *_fields("ctx."), *_results(), *_builtins(), *_modules(), *_methods())


@lru_cache(1)
def template_words() -> tuple[Word, ...]:
    """Return what every template can write, whatever its brain."""
    named = {**meanings.TEMPLATE_FIELDS, **meanings.LOOP}
    filters = meanings.FILTERS.items()
    blocks = meanings.BLOCKS.items()
    return (
        *_fields(""),
        *(Word(path, "property" if "." in path else "variable", words) for path, words in named.items()),
        *(Word(f"|{name}", "filter", words, example=shown) for name, (shown, words) in filters),
        *(Word(f"%{name}", "block", words, example=shown) for name, (shown, words) in blocks),
    )


def _context() -> Iterator[Word]:
    for name in sorted(ATTRIBUTES[Context], key=_PLACES.index):
        yield _member(f"ctx.{name}", Context, name)
    for part, kind in _PARTS.items():
        for name in sorted(ATTRIBUTES[kind]):
            yield _member(f"ctx.{part}.{name}", kind, name)


def _member(path: str, kind: type, name: str) -> Word:
    """Describe a member: by the reference where that has it, else by its own docstring."""
    entries = _REFERENCE.get(path.removeprefix("ctx."), ())
    made = inspect.getattr_static(kind, name)
    words = entries[0].words if entries else said(made)
    example = "\n".join(entry.example for entry in entries)
    if isinstance(made, property):
        return Word(path, "property", words, example=example)
    return Word(path, "method", words, signature(name, getattr(kind, name)), example)


_REFERENCE: Final = {
    path: tuple(entry for section in REFERENCE for entry in section.entries if entry.path == path)
    for path in {entry.path for section in REFERENCE for entry in section.entries}
}


# The members of `ctx` as the reference shows them: what is used most comes first.
_PLACES: Final = [entry.path.split(".")[0] for section in REFERENCE for entry in section.entries]


def _fields(before: str) -> Iterator[Word]:
    for path, words in meanings.FIELDS.items():
        # A script's own parts of `ctx` stand in its reference already.
        if not before or "." in path:
            yield Word(f"{before}{path}", "property" if before or "." in path else "variable", words)


def _results() -> Iterator[Word]:
    for name in sorted(ATTRIBUTES[dt.datetime] | set(GUARDED[dt.datetime])):
        kind = "method" if callable(getattr(dt.datetime, name)) else "property"
        yield Word(f"ctx.now.{name}", kind, meanings.MOMENT[name])
    for method in sorted(ATTRIBUTES[Http]):
        for name in sorted(ATTRIBUTES[Response]):
            kind = "method" if inspect.isfunction(inspect.getattr_static(Response, name)) else "property"
            yield Word(f"ctx.http.{method}().{name}", kind, meanings.RESPONSE[name])


def _builtins() -> Iterator[Word]:
    return _described("", BUILTINS)


def _modules() -> Iterator[Word]:
    modules: Iterable[Module] = (JSON, MATH, RE, Clock([0, 0, "UTC"]).module())
    for module in modules:
        yield Word(module.title, "namespace", f"import {module.title}", example=f"import {module.title}")
        yield from _described(f"{module.title}.", module.members)
    yield Word("random", "namespace", "import random", example="import random")
    members = {name: inspect.getattr_static(Random, name) for name in ATTRIBUTES[Random]}
    yield from _described("random.", members)


def _described(before: str, members: Mapping[str, Any]) -> Iterator[Word]:
    for name, made in sorted(members.items()):
        path = f"{before}{name}"
        yield Word(path, _kind(made), meanings.PYTHON.get(path) or said(made), signature(name, made))
        if isinstance(made, TypeFacade):
            yield from _described(f"{before}{name}.", made.members)


def _kind(made: Any) -> str:
    if isinstance(made, (type, TypeFacade)):
        return "class"
    return "function" if callable(made) else "constant"


def _methods() -> Iterator[Word]:
    for kind in _PLAIN:
        for name in sorted(ATTRIBUTES[kind] | set(GUARDED.get(kind, ()))):
            made = getattr(kind, name)
            path = f"<{kind.__name__}>.{name}"
            yield Word(path, "method", meanings.PYTHON.get(path) or said(made), signature(name, made))


def said(made: Any) -> str:
    """Return the first sentence a thing says of itself; nothing for a constant, whose docstring is its type's."""
    if not (callable(made) or isinstance(made, property)):
        return ""
    parts = (inspect.getdoc(made) or "").split("\n\n")
    if "->" in parts[0]:
        parts = parts[1:] or [parts[0].partition("->")[2]]
    text = " ".join(parts[0].split()) if parts else ""
    return re.split(r"\.\s|; raises ", text)[0].rstrip(".").strip()


def signature(name: str, made: Any) -> str:
    """Return how a thing is called, without types; nothing for what is no function."""
    if not callable(made) or isinstance(made, (type, TypeFacade)):
        return ""
    try:
        found = inspect.signature(made)
    except ValueError:
        return _told(name, made)
    plain = [
        each.replace(annotation=each.empty, name=each.name.rstrip("_"))
        for each in found.parameters.values()
        if each.name != "self"
    ]
    bare = str(found.replace(parameters=plain, return_annotation=found.empty))
    return name + bare.replace(", /", "").replace("/", "").replace("'", '"')


def _told(name: str, made: Any) -> str:
    """Return how a thing is called as the first line of its docstring has it; Python's older ones do."""
    found = re.match(rf"(?:\w\.)?({re.escape(name)}\(.*?\)) -+>", inspect.getdoc(made) or "")
    return found[1] if found else ""
