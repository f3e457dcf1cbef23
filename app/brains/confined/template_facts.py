"""Lint facts of a template: used variables, those that may be missing, least length."""

from collections.abc import Iterator
from typing import Any, Final

from jinja2 import nodes

from .facts import REFUSED_IN_TEMPLATES, Facts

_DEFAULTS: Final = frozenset({"default", "d"})
_ASKS: Final = frozenset({"defined", "undefined"})
_LOCAL: Final = frozenset({"loop", "caller", "varargs", "kwargs", "range", "namespace"})

Path = tuple[str, ...]


def collect_template_facts(tree: nodes.Template) -> list[list[Any]]:
    """Return the facts of a template whose size has been checked."""
    facts = Facts()
    text = "".join(_plain(tree)).strip()
    facts.add("static", (), number=len(text))
    local, tested_paths = _LOCAL | _given(tree), _asked(tree)
    for node, kept in _walk(tree):
        path = _path(node)
        if path and path[0] not in local:
            guarded = kept or any(path[: len(each)] == each for each in tested_paths)
            facts.add("use", path, (node.lineno, None, None), flag=guarded)
        elif isinstance(node, nodes.Call) and (wanted := _fetched(node)) and wanted[0] not in local:
            facts.add("get", wanted, (node.lineno, None, None))
        if (method := _find_method(node)) in REFUSED_IN_TEMPLATES:
            facts.add("refused", (method,), (node.lineno, None, None))
    return facts.found


def _plain(tree: nodes.Template) -> Iterator[str]:
    """Yield the text that is in every rendering."""
    for node in tree.body:
        if isinstance(node, nodes.Output):
            yield from (part.data for part in node.nodes if isinstance(part, nodes.TemplateData))


def _given(tree: nodes.Template) -> frozenset[str]:
    """Return the names that a template assigns itself."""
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    return frozenset(names | {node.name for node in tree.find_all(nodes.Macro)})


def _asked(tree: nodes.Template) -> set[Path]:
    """Return the paths that a template tests for existence, directly or by a condition."""
    tested_paths = {
        path for test in tree.find_all(nodes.Test) if test.name in _ASKS and (path := _path(test.node))
    }
    for condition in tree.find_all((nodes.If, nodes.CondExpr)):
        test = condition.test
        filters = [test, *test.find_all(nodes.Filter)]
        tested_paths |= {path for each in filters if (kept := _spared(each)) and (path := _path(kept))}
    return tested_paths


def _walk(tree: nodes.Template) -> Iterator[tuple[nodes.Node, bool]]:
    """Yield every node except the inner ones of a path, with whether a default replaces it when missing."""
    waiting: list[tuple[nodes.Node, bool]] = [(tree, False)]
    while waiting:
        node, kept = waiting.pop()
        yield node, kept
        if _path(node) is not None:
            continue
        inner = _spared(node)
        skipped = node.node if isinstance(node, nodes.Call) and _fetched(node) else None
        children = [child for child in node.iter_child_nodes() if child is not skipped]
        waiting.extend((child, child is inner) for child in reversed(children))


def _spared(node: nodes.Node) -> nodes.Node | None:
    """Return the node below which values may be missing."""
    if isinstance(node, nodes.Filter) and node.name in _DEFAULTS:
        return node.node
    return node.node if isinstance(node, nodes.Test) and node.name in _ASKS else None


def _path(node: nodes.Node | None) -> Path | None:
    """Return ("args", "text") for args.text; None for anything that is no path from a name."""
    steps: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        step = node.attr if isinstance(node, nodes.Getattr) else _key(node.arg)
        if step is None:
            return None
        steps.append(step)
        node = node.node
    if not isinstance(node, nodes.Name) or node.ctx != "load":
        return None
    return (node.name, *reversed(steps))


def _key(argument: nodes.Node) -> str | None:
    if isinstance(argument, nodes.Const) and type(argument.value) in {str, int}:
        return str(argument.value)
    return None


def _find_method(node: nodes.Node) -> str:
    """Return the name of a method that is called, or read of anything but a variable; empty for anything else."""
    if isinstance(node, nodes.Call) and _path(node.node):
        node = node.node
        return node.attr if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Getattr) else ""
    return node.attr if isinstance(node, nodes.Getattr) and _path(node) is None else ""


def _fetched(call: nodes.Call) -> Path | None:
    """Return ("args", "text") for args.get("text")."""
    path = _path(call.node)
    first = call.args[0] if call.args else None
    if path and path[-1] == "get" and len(path) > 1 and isinstance(first, nodes.Const):
        return (*path[:-1], str(first.value))
    return None
