"""Lint facts of a script: used parts of `ctx`, called commands and hosts, names without a value."""

import ast
from typing import Any, Final

from .facts import REFUSED_METHODS, Facts
from .names import BUILTINS
from .replies import Replies, Values, get_position

# What stands inside of these may happen or not.
_MAYBE: Final = (
    *(ast.If, ast.While, ast.For, ast.Try, ast.IfExp, ast.BoolOp, ast.FunctionDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
# What is named in the condition of these may be missing, and the script knows it.
_ASKING: Final = (ast.BoolOp, ast.Compare, ast.If, ast.IfExp, ast.While)
# Methods that change an entry of a list or dictionary, or take it out.
_CHANGING: Final = frozenset({"update", "setdefault", "pop", "popitem", "remove", "clear"})
_TIMING: Final = frozenset({"command", "after", "at", "name"})

Path = tuple[str, ...]


def collect_script_facts(tree: ast.Module) -> list[list[Any]]:
    """Return the facts of a script whose size has been checked; it is not run."""
    facts = Facts()
    stored = _stored(tree)
    values = Values(_assigned_once(tree, stored), has_changes=any(map(_is_change, ast.walk(tree))))
    _Reader(facts, values, stored).read(tree)
    return facts.found


def _stored(tree: ast.Module) -> dict[str, int]:
    """Count the assignments of each name, of any kind."""
    counts: dict[str, int] = {}
    for node in ast.walk(tree):
        for name in _names_given(node):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _names_given(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.alias):
        return (node.asname or node.name,)
    if isinstance(node, (ast.FunctionDef, ast.ExceptHandler)) and node.name:
        return (node.name,)
    return ()


def _assigned_once(tree: ast.Module, stored: dict[str, int]) -> dict[str, ast.expr]:
    """Return the values of names that are assigned once."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and stored[node.targets[0].id] == 1
    }


def _is_change(node: ast.AST) -> bool:
    """Tell whether a node changes what a list or dictionary holds."""
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Attribute) and node.attr in _CHANGING


class _Reader(ast.NodeVisitor):
    """Visitor of a tree of bounded depth."""

    def __init__(self, facts: Facts, values: Values, stored: dict[str, int]) -> None:
        self._facts = facts
        self._values = values
        self._known = {*stored, *BUILTINS, "ctx"}
        self._replies = Replies(facts, values)
        self._maybe = 0
        self._tested_paths: set[Path] = set()

    def read(self, tree: ast.Module) -> None:
        """Collect the facts of a whole script."""
        for node in ast.walk(tree):
            if isinstance(node, _ASKING):
                inner = ast.walk(node if isinstance(node, (ast.BoolOp, ast.Compare)) else node.test)
                named = (self._path(each) for each in inner if isinstance(each, ast.expr))
                self._tested_paths |= {path for path in named if path}
        self.visit(tree)

    def visit(self, node: ast.AST) -> None:
        """Visit a node, counting the conditional nodes around it."""
        is_uncertain = isinstance(node, _MAYBE)
        self._maybe += is_uncertain
        super().visit(node)
        self._maybe -= is_uncertain

    def visit_Name(self, node: ast.Name) -> None:
        """Record a name that stands for a part of `ctx`, or has no value."""
        if isinstance(node.ctx, ast.Load):
            if node.id not in self._known:
                self._known.add(node.id)
                self._facts.add("nobody", (node.id,), get_position(node))
            self._use("use", node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Record the longest path from `ctx`."""
        if not self._use("use", node):
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Record ctx.args["name"] as ctx.args.name."""
        if not self._use("use", node):
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Record an assignment, skipping aliases of parts of `ctx`."""
        target = node.targets[0]
        if isinstance(target, ast.Name) and self._values.find_value(target) is node.value:
            path = self._path(node.value)
            if path is not None:
                self._facts.add("alias", path, get_position(node.value))
                return
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Record a call of a method of `ctx`, or of a method that texts do not have here."""
        path = self._path(node.func)
        if path:
            self._asked(path, node)
        if isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
            self._show(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr in REFUSED_METHODS:
            self._facts.add("refused", (node.func.attr,), get_position(node))
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        """Record an argument in an f-string."""
        self._show(node.value)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Record an argument that is put into a text by `%`."""
        if isinstance(node.op, ast.Mod):
            for value in node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]:
                self._show(value)
        self.generic_visit(node)

    def _show(self, node: ast.expr) -> None:
        """Record an argument that becomes part of a text in every case, though no condition names it."""
        path = self._path(node)
        if path and path[0] == "args" and not self._maybe and path not in self._tested_paths:
            self._facts.add("shown", path, get_position(node))

    def _use(self, kind: str, node: ast.expr) -> bool:
        path = self._path(node)
        if path is not None:
            self._facts.add(kind, path, get_position(node))
        return path is not None

    def _path(self, node: ast.expr | None) -> Path | None:
        """Return ("args", "text") for ctx.args.text; None for what does not begin at `ctx`."""
        steps: list[str] = []
        looked: set[str] = set()
        while node is not None and not (isinstance(node, ast.Name) and node.id == "ctx"):
            if isinstance(node, ast.Attribute):
                steps.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Subscript) and (key := self._values.read_text(node.slice)) is not None:
                steps.append(key)
                node = node.value
            elif isinstance(node, ast.Name) and node.id not in looked:
                looked.add(node.id)
                node = self._values.find_value(node)
            else:
                return None
        return None if node is None else tuple(reversed(steps))

    def _asked(self, path: Path, node: ast.Call) -> None:
        method, *rest = path
        if path == ("args", "get"):
            self._argument(node)
        elif path in {("http", "get"), ("http", "post")}:
            for url in self._values.list_choices(_given(node, 0, "url")):
                whole = self._values.read_text(url) is not None
                self._facts.add("http", (self._values.read_prefix(url),), get_position(node), flag=whole)
        elif path == ("ai",):
            self._facts.add(
                "ai", (self._values.read_text(_given(node, 0, "prompt")) or "",), get_position(node)
            )
        elif not rest and method in {"call", "schedule"}:
            self._command(method, node)
        elif not rest and (method == "reply" or method.startswith("send_")):
            self._replies.read(method, node)

    def _argument(self, node: ast.Call) -> None:
        name = self._values.read_text(_given(node, 0, "key"))
        # By a name that only a run would tell, it may be any of them.
        self._facts.add("get" if name else "use", ("args", name) if name else ("args",), get_position(node))

    def _command(self, method: str, node: ast.Call) -> None:
        name = self._values.read_text(_given(node, 0, "command"))
        if not name:
            return
        timing = _TIMING if method == "schedule" else frozenset({"command"})
        passed = ["**" if word.arg is None else word.arg for word in node.keywords if word.arg not in timing]
        times = (_given(node, 1, "after"), _given(node, 2, "at"))
        after = max(map(self._values.read_seconds, times)) if method == "schedule" else 0
        self._facts.add(method, (name, *passed), get_position(node), after, flag=self._maybe > 0)


def _given(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """Return an argument by its position or its name."""
    if place < len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args):
        return call.args[place]
    return next((word.value for word in call.keywords if word.arg == name), None)
