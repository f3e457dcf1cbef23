"""Symbols of code completion for scripts and templates (`ctx` methods, filters), read from the real objects."""

import datetime as dt
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from app.admin.completion import descriptions
from app.admin.workbench.script_reference import REFERENCE
from app.brains.capabilities import KINDS
from app.brains.confined.capability_view import Response
from app.brains.confined.context import Context
from app.brains.confined.facades import JSON, MATH, Random
from app.brains.confined.guards import ATTRIBUTES, GUARDED
from app.brains.confined.imports import ZONES, Clock
from app.brains.confined.memory_view import Memory
from app.brains.confined.names import BUILTINS
from app.brains.confined.patterns import RE
from app.brains.confined.shapes import Module, TypeFacade
from app.immutable import immutable

_PARTS: Final = {"memory": Memory, "random": Random}
_PLAIN: Final = (str, list, dict)


@immutable
class Symbol:
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
def list_script_symbols() -> tuple[Symbol, ...]:
    """Return what every script can write, whatever its brain."""
    begin = Symbol("ctx", "variable", "All that a script can see, answer and ask for")
    return (begin, *_context(), *_fields("ctx."), *_results(), *_builtins(), *_modules(), *_methods())


@lru_cache(1)
def list_template_symbols() -> tuple[Symbol, ...]:
    """Return what every template can write, whatever its brain."""
    named = {**descriptions.TEMPLATE_FIELDS, **descriptions.LOOP}
    filters = descriptions.FILTERS.items()
    blocks = descriptions.BLOCKS.items()
    return (
        *_fields(""),
        *(Symbol(path, "property" if "." in path else "variable", words) for path, words in named.items()),
        *(Symbol(f"|{name}", "filter", words, example=shown) for name, (shown, words) in filters),
        *(Symbol(f"%{name}", "block", words, example=shown) for name, (shown, words) in blocks),
    )


def _context() -> Iterator[Symbol]:
    calls = {symbol.path: symbol for symbol in _calls()}
    called = {path.split(".")[1] for path in calls}
    for name in sorted({*ATTRIBUTES[Context], *called}, key=_MEMBER_ORDER.index):
        path = f"ctx.{name}"
        yield calls.pop(path) if path in calls else _member(path, Context, name)
    yield from calls.values()
    for part, kind in _PARTS.items():
        for name in sorted(ATTRIBUTES[kind]):
            yield _member(f"ctx.{part}.{name}", kind, name)


def _calls() -> Iterator[Symbol]:
    """Yield what capabilities let a script call, each group of calls before its members."""
    for kind in KINDS.values():
        for attribute in kind.attributes if kind.calls else ():
            members = [call for call in kind.calls if call.attribute == attribute]
            if members[0].path != attribute:
                yield Symbol(f"ctx.{attribute}", "property", kind.title)
            for call in members:
                yield Symbol(f"ctx.{call.path}", "method", call.description, call.signature, call.example)


def _member(path: str, kind: type, name: str) -> Symbol:
    """Describe a member: by the reference where that has it, else by its own docstring."""
    entries = _REFERENCE.get(path.removeprefix("ctx."), ())
    made = inspect.getattr_static(kind, name)
    words = entries[0].description if entries else read_summary(made)
    example = "\n".join(entry.example for entry in entries)
    if isinstance(made, property):
        return Symbol(path, "property", words, example=example)
    return Symbol(path, "method", words, format_signature(name, getattr(kind, name)), example)


_REFERENCE: Final = {
    path: tuple(entry for section in REFERENCE for entry in section.entries if entry.path == path)
    for path in {entry.path for section in REFERENCE for entry in section.entries}
}


# The members of `ctx` as the reference shows them: what is used most comes first.
_MEMBER_ORDER: Final = [entry.path.split(".")[0] for section in REFERENCE for entry in section.entries]


def _fields(before: str) -> Iterator[Symbol]:
    for name, words in descriptions.DATA_FIELDS.items():
        yield Symbol(f"{before}message.data.{name}", "property", words)
    for path, words in descriptions.FIELDS.items():
        # A script's own parts of `ctx` stand in its reference already.
        if not before or "." in path:
            yield Symbol(f"{before}{path}", "property" if before or "." in path else "variable", words)


def _results() -> Iterator[Symbol]:
    for name in sorted(ATTRIBUTES[dt.datetime] | set(GUARDED[dt.datetime])):
        kind = "method" if callable(getattr(dt.datetime, name)) else "property"
        yield Symbol(f"ctx.now.{name}", kind, descriptions.DATETIME_MEMBERS[name])
    calls = [call for kind in KINDS.values() for call in kind.calls if call.answer == "response"]
    for call in calls:
        for name in sorted(ATTRIBUTES[Response]):
            kind = "method" if inspect.isfunction(inspect.getattr_static(Response, name)) else "property"
            yield Symbol(f"ctx.{call.path}().{name}", kind, descriptions.RESPONSE[name])


def _builtins() -> Iterator[Symbol]:
    return _describe_members("", BUILTINS)


def _modules() -> Iterator[Symbol]:
    modules: Iterable[Module] = (JSON, MATH, RE, ZONES, Clock([0, 0, "UTC"]).build_module())
    for module in modules:
        yield Symbol(module.title, "namespace", f"import {module.title}", example=f"import {module.title}")
        yield from _describe_members(f"{module.title}.", module.members)
    yield Symbol("random", "namespace", "import random", example="import random")
    members = {name: inspect.getattr_static(Random, name) for name in ATTRIBUTES[Random]}
    yield from _describe_members("random.", members)


def _describe_members(before: str, members: Mapping[str, Any]) -> Iterator[Symbol]:
    for name, made in sorted(members.items()):
        path = f"{before}{name}"
        yield Symbol(
            path,
            _kind(made),
            descriptions.PYTHON.get(path) or read_summary(made),
            format_signature(name, made),
        )
        if isinstance(made, TypeFacade):
            yield from _describe_members(f"{before}{name}.", made.members)


def _kind(made: Any) -> str:
    if isinstance(made, (type, TypeFacade)):
        return "class"
    return "function" if callable(made) else "constant"


def _methods() -> Iterator[Symbol]:
    for kind in _PLAIN:
        for name in sorted(ATTRIBUTES[kind] | set(GUARDED.get(kind, ()))):
            made = getattr(kind, name)
            path = f"<{kind.__name__}>.{name}"
            yield Symbol(
                path,
                "method",
                descriptions.PYTHON.get(path) or read_summary(made),
                format_signature(name, made),
            )


def read_summary(made: Any) -> str:
    """Return the first sentence a thing says of itself; nothing for a constant, whose docstring is its type's."""
    if not (callable(made) or isinstance(made, property)):
        return ""
    parts = (inspect.getdoc(made) or "").split("\n\n")
    if "->" in parts[0]:
        parts = parts[1:] or [parts[0].partition("->")[2]]
    text = " ".join(parts[0].split()) if parts else ""
    return re.split(r"\.\s|; raises ", text)[0].rstrip(".").strip()


def format_signature(name: str, made: Any) -> str:
    """Return how a thing is called, without types; nothing for what is no function."""
    if not callable(made) or isinstance(made, (type, TypeFacade)):
        return ""
    try:
        found = inspect.signature(made)
    except ValueError:
        return _parse_doc_signature(name, made)
    plain = [
        each.replace(annotation=each.empty, name=each.name.rstrip("_"))
        for each in found.parameters.values()
        if each.name != "self"
    ]
    bare = str(found.replace(parameters=plain, return_annotation=found.empty))
    return name + bare.replace(", /", "").replace("/", "").replace("'", '"')


def _parse_doc_signature(name: str, made: Any) -> str:
    """Return how a thing is called as the first line of its docstring has it; Python's older ones do."""
    found = re.match(rf"(?:\w\.)?({re.escape(name)}\(.*?\)) -+>", inspect.getdoc(made) or "")
    return found[1] if found else ""
