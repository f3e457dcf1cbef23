"""Size and depth bounds of a script's source, checked before the parser and on the tree."""

import ast
import re
from typing import Any, NoReturn

from .. import limits  # noqa: TID252  the package has another name in the child
from . import rules
from .language import LanguageError

# Each of these nests the parser's C code one level deeper without a bracket.
_PREFIXES = re.compile(r"(?:[-+~]\s*|\bnot\b\s*|\blambda\b\s*:\s*){60}")
_OPEN, _CLOSE = "([{", ")]}"


def refuse(rule: tuple[str, str], node: ast.AST | None = None, kind: str = "rule", **words: Any) -> NoReturn:
    """Raise the LanguageError of a rule, at the position of a node."""
    code, message = rule
    line, columns = None, None
    if node is not None:
        line, first = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        last = getattr(node, "end_col_offset", None)
        if first is not None and last is not None:
            columns = (first + 1, (last if getattr(node, "end_lineno", None) == line else first + 1) + 1)
    raise LanguageError(kind, message.format(**words), line, columns, code)


def check_source(source: str) -> None:
    """Refuse a source by length, characters and bracket depth before parsing; raises LanguageError."""
    if len(source) > limits.SCRIPT_CHARS:
        message = rules.LONG[1].format(count=len(source), most=limits.SCRIPT_CHARS)
        raise LanguageError(
            "limit", message, source.count("\n", 0, limits.SCRIPT_CHARS) + 1, None, rules.LONG[0]
        )
    if "\0" in source or (not source.isascii() and any("\ud800" <= char <= "\udfff" for char in source)):
        refuse(rules.NUL)
    found = _PREFIXES.search(source)
    if found:
        line = source.count("\n", 0, found.start()) + 1
        raise LanguageError("limit", rules.NESTED[1], line, None, "nested")
    _check_brackets(source)


def _check_brackets(source: str) -> None:
    depth, line = 0, 1
    for char in source:
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth = max(depth - 1, 0)
        elif char == "\n":
            line += 1
        if depth > limits.BRACKETS:
            raise LanguageError("limit", rules.BRACKETS[1].format(most=limits.BRACKETS), line, None, "nested")


def check_tree(tree: ast.Module) -> int:
    """Refuse a tree by number of nodes and depth, without recursion; raises LanguageError."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    at: ast.AST | None = None
    while waiting:
        node, depth = waiting.pop()
        count += 1
        at = node if hasattr(node, "lineno") else at
        if depth > limits.TREE_DEPTH:
            refuse(rules.NESTED, at, kind="limit")
        if count > limits.NODES:
            # In the order of the source: this is the first line that is too much.
            raise LanguageError("limit", rules.NODES[1], getattr(at, "lineno", None), None, rules.NODES[0])
        waiting.extend((child, depth + 1) for child in reversed([*ast.iter_child_nodes(node)]))
    return count
