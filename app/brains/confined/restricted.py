# ruff: noqa: N802  the methods are named for classes of ast
"""Allow-list of a script's syntax, and the guards inserted into allowed code."""

import ast
from typing import Any, Final, NoReturn

from RestrictedPython.transformer import (
    INSPECT_ATTRIBUTES,
    IOPERATOR_TO_STR,
    RestrictingNodeTransformer,
    copy_locations,
)

from . import rules
from .bounds import refuse

_OPERATORS: Final[dict[type, str]] = {
    ast.Mult: "_mul_",
    ast.Pow: "_pow_",
    ast.LShift: "_shift_",
    ast.Mod: "_mod_",
}
_ESCAPES: Final = (ast.Return, ast.Break, ast.Continue)


class Grammar(RestrictingNodeTransformer):
    """Allow-list of syntax; a refusal is raised at its position."""

    def not_allowed(self, node: ast.AST) -> NoReturn:
        """Refuse a kind of syntax."""
        name = type(node).__name__
        refuse(rules.SYNTAX.get(name, ("syntax", f"“{name}” is not available in a script.")), node)

    def error(self, node: ast.AST, info: str) -> NoReturn:
        """Refuse an error of RestrictedPython that no rule of ours has named."""
        refuse(("syntax", info), node)

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:  # noqa: ARG002  the library's signature
        """Keep names with an underscore for the guards; raises LanguageError."""
        if name is None or name == "_":
            return
        if name.startswith("_") or name.endswith("__roles__"):
            refuse(rules.NAME, node, name=name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Check a name, printing being a function like any other."""
        self.check_name(node, node.id)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Allow texts, numbers, True, False, None and ..."""
        if type(node.value) is bytes:
            refuse(rules.BYTES, node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Read attributes through a guard; none may be set."""
        if node.attr.startswith("_"):
            refuse(rules.ATTRIBUTE, node, name=node.attr)
        if node.attr in INSPECT_ATTRIBUTES:
            refuse(rules.RESERVED, node, name=node.attr)
        if not isinstance(node.ctx, ast.Load):
            refuse(rules.SET_ATTRIBUTE, node, name=node.attr)
        value = self.visit(node.value)
        return _call("_getattr_", [value, ast.Constant(node.attr)], node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Replace operators that multiply by functions that check the size first."""
        node = self.node_contents_visit(node)
        name = _OPERATORS.get(type(node.op))
        return _call(name, [node.left, node.right], node) if name else node

    def visit_MatMult(self, node: ast.AST) -> NoReturn:
        """Refuse matrices."""
        self.not_allowed(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Turn `a op= b` into a guarded assignment, `a[k] op= b` into one call."""
        if isinstance(node.op, ast.MatMult):
            refuse(rules.SYNTAX["MatMult"], node)
        op, value = ast.Constant(IOPERATOR_TO_STR[type(node.op)]), self.visit(node.value)
        target = node.target
        if isinstance(target, ast.Attribute):
            refuse(rules.SET_ATTRIBUTE, target, name=target.attr)
        if isinstance(target, ast.Subscript):
            arguments = [op, self.visit(target.value), self.visit(target.slice), value]
            made: ast.stmt = ast.Expr(_call("_inplaceitem_", arguments, node))
        else:
            self.check_name(target, target.id)
            old = ast.Name(target.id, ast.Load())
            made = ast.Assign([target], _call("_inplacevar_", [op, old, value], node))
        copy_locations(made, node)
        return made

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Guard unpacking; one guard is enough, since everything inside is plain as well."""
        node = self.node_contents_visit(node)
        if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
            node.value = _call("_getiter_", [node.value], node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Drop the type annotation of a variable."""
        made = ast.Assign([node.target], node.value) if node.value else ast.Pass()
        copy_locations(made, node)
        return self.visit(made)

    def guard_iter(self, node: Any) -> ast.AST:
        """Guard the iterable of a loop or comprehension."""
        if getattr(node, "is_async", 0):
            refuse(rules.SYNTAX["AsyncFor"], node.iter)
        node = self.node_contents_visit(node)
        node.iter = _call("_getiter_", [node.iter], node.iter)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        """Guard the value of a starred expression."""
        node = self.node_contents_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = _call("_getiter_", [node.value], node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Allow calls: callables are guarded where they are read."""
        return self.node_contents_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """Format through a guard, since an object's own text has its address in it."""
        node = self.node_contents_visit(node)
        arguments = [node.value, ast.Constant(node.conversion), node.format_spec or ast.Constant("")]
        node.value = _call("_format_", arguments, node.value)
        node.conversion, node.format_spec = -1, None
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """Turn `import re as r` into `r = _import_("re")`."""
        made = []
        for alias in node.names:
            self.check_name(node, alias.asname)
            module = _module(node, alias.name)
            made.append(_assign(alias.asname or alias.name, module, node))
        return made

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """Turn `from re import sub` into `sub = _getattr_(_import_("re"), "sub")`."""
        name = node.module or "."
        made = []
        for alias in node.names:
            if alias.name == "*":
                refuse(rules.STAR_IMPORT, node, module=name)
            self.check_name(node, alias.name)
            self.check_name(node, alias.asname)
            module = _module(node, name if not node.level else "." + name)
            member = _call("_getattr_", [module, ast.Constant(alias.name)], node)
            made.append(_assign(alias.asname or alias.name, member, node))
        return made

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Allow functions without decorators; annotations are dropped."""
        if node.decorator_list:
            refuse(rules.DECORATOR, node.decorator_list[0])
        self.check_name(node, node.name)
        node.returns = None
        return self.node_contents_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Allow lambda; its parameters are checked one by one."""
        return self.node_contents_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Check the name of a parameter, of whatever kind."""
        self.check_name(node, node.arg)
        node.annotation = None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """Check the name of a keyword argument."""
        self.check_name(node, node.arg)
        return self.node_contents_visit(node)

    def visit_With(self, node: ast.With) -> NoReturn:
        """Refuse with."""
        self.not_allowed(node)

    def visit_Global(self, node: ast.Global) -> NoReturn:
        """Refuse global."""
        self.not_allowed(node)

    def visit_Yield(self, node: ast.Yield) -> NoReturn:
        """Refuse generators; generator expressions stay."""
        self.not_allowed(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> NoReturn:
        """Refuse generators; generator expressions stay."""
        self.not_allowed(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> NoReturn:
        """Refuse classes."""
        self.not_allowed(node)

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """Allow try without handlers that would swallow the time limit."""
        _check_finally(node.finalbody)
        return self.node_contents_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """Allow handlers of named errors."""
        named = ast.walk(node.type) if node.type else ()
        if node.type is None or any(
            isinstance(name, ast.Name) and name.id == "BaseException" for name in named
        ):
            refuse(rules.EXCEPT, node.type or node)
        self.check_name(node, node.name)
        return self.node_contents_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Allow a script."""
        return self.node_contents_visit(node)


def _call(name: str, arguments: list[ast.expr], at: Any) -> ast.Call:
    made = ast.Call(ast.Name(name, ast.Load()), arguments, [])
    copy_locations(made, at)
    return made


def _assign(name: str, value: ast.expr, at: ast.stmt) -> ast.Assign:
    made = ast.Assign([ast.Name(name, ast.Store())], value)
    copy_locations(made, at)
    return made


def _module(node: ast.stmt, name: str) -> ast.Call:
    if name not in rules.MODULES:
        refuse(rules.IMPORT, node, module=name)
    return _call("_import_", [ast.Constant(name)], node)


def _check_finally(statements: list[ast.stmt]) -> None:
    """Refuse return, break and continue in `finally`, except in a function or loop of its own."""
    waiting: list[tuple[ast.AST, bool]] = [(statement, False) for statement in statements]
    while waiting:
        node, in_loop = waiting.pop()
        if isinstance(node, _ESCAPES) and (isinstance(node, ast.Return) or not in_loop):
            refuse(rules.FINALLY, node, word=type(node).__name__.lower())
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            loop = in_loop or isinstance(node, (ast.For, ast.While))
            waiting.extend((child, loop) for child in ast.iter_child_nodes(node))
