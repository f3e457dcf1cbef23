"""Jinja environment of templates: allowed filters, attributes and operators (specs: sandbox 7)."""

import ast
import re
import types
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, cast

from jinja2 import StrictUndefined, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LanguageError, LimitReachedError
from .nothing import GIVEN_FILTERS, adapt_filter, join_as_text, write_none_as_nothing
from .template_facts import collect_template_facts
from .texts import BoundMethod
from .zones import strftime

TEMPLATE_FILE: Final = "<template>"
_KNOWN = 40


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# No attr, map, format, groupby, center, indent, pprint, xmlattr, tojson, batch or slice: each walks
# attributes, formats or multiplies. No random: a turn's choice must be the same when it is run again.
FILTERS: Final = _words(
    "abs capitalize count d default dictsort first float int items join last length list lower max min "
    "reject rejectattr replace reverse round select selectattr sort strftime string sum title trim truncate unique "
    "upper urlencode wordcount wordwrap"
)
# Attributes by exact type; whatever is not listed does not exist. No str.format, format_map, center, ljust,
# zfill, expandtabs, translate, encode: formatting walks attributes, padding multiplies.
ATTRIBUTES: Final[dict[type, frozenset[str]]] = {
    str: _words(
        "capitalize casefold count endswith find isalnum isalpha isascii isdecimal isdigit islower isnumeric "
        "isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind "
        "rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
    ),
    dict: _words("get items keys values"),
    list: _words("count index"),
    tuple: _words("count index"),
    LoopContext: _words(
        "index index0 revindex revindex0 first last length depth depth0 cycle changed previtem nextitem"
    ),
}
_METHODS = (types.BuiltinMethodType, types.MethodType)
_CALLABLE = (StrictUndefined, BoundMethod, Macro, BlockReference, LoopContext)


class UnknownNameError(UndefinedError):
    """Unknown variable or field; `known` lists the known ones, None for a variable."""

    def __init__(self, message: str, wanted: str, known: list[str] | None) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.known = known


class PlainUndefined(StrictUndefined):
    """Missing value that raises an error with its name, and the known ones, when used."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = None
    ) -> None:
        # Jinja only ever raises what calling this gives.
        super().__init__(hint, obj, name, exc or cast("Any", self._error))

    def _error(self, message: str) -> UndefinedError:
        if self._undefined_hint:
            return UndefinedError(self._undefined_hint)
        owner = self._undefined_obj
        known = None if owner is missing else []
        if type(owner) is dict:
            known = sorted(str(key) for key in owner)[:_KNOWN]
        return UnknownNameError(message, str(self._undefined_name)[:80], known)

    @property
    def _undefined_message(self) -> str:
        return f"“{str(self._undefined_name)[:80]}” is not known here"


class CappedRange:
    """`range` of a template, with a text of its own."""

    __slots__ = ()

    def __call__(self, *args: int) -> range:
        """Return a range of at most `RANGE_ITEMS` steps; raises LimitReachedError."""
        numbers = range(*args)
        if len(numbers) > limits.RANGE_ITEMS:
            raise LimitReachedError(f"range() goes to {limits.RANGE_ITEMS:,} steps at most.")
        return numbers

    def __repr__(self) -> str:
        return "<class 'range'>"


_RANGE: Final = CappedRange()


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja environment with allow-lists of attributes and callables, bounded operators, template line numbers."""

    intercepted_binops = frozenset({"**", "*", "%"})
    counted = 0  # nodes of the template that was compiled last
    facts: list[Any]  # of the same

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read `obj.attribute`: a dictionary's entry first, then what the table allows for the type."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        # What is missing keeps its own name, however much is read from it.
        return obj if type(obj) is PlainUndefined else self._allowed(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read `obj[argument]` of plain data."""
        if type(obj) is PlainUndefined:
            return obj
        if type(obj) in {dict, list, tuple, str, range}:
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        return (
            self._allowed(obj, argument) if type(argument) is str else self.undefined(obj=obj, name=argument)
        )

    def _allowed(self, obj: Any, name: str) -> Any:
        kind = type(obj)
        if name in ATTRIBUTES.get(kind, ()):
            found = getattr(obj, name)
            return BoundMethod(obj, name) if isinstance(found, _METHODS) else found
        if kind is Namespace and not name.startswith("_"):
            return getattr(obj, name, None)
        return self.undefined(obj=obj, name=name)

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow methods of plain data, macros, loops, range and namespace."""
        return isinstance(obj, _CALLABLE) or obj is _RANGE or obj is Namespace

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply `**`, `*` or `%` within bounds; raises LimitReachedError."""
        _OPERATOR_CHECKS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def handle_exception(self, source: str | None = None) -> NoReturn:  # noqa: ARG002  Jinja's signature
        """Raise the error unchanged: its lines are the template's already."""
        raise  # noqa: PLE0704  called while the error is being handled

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        self.counted = _check_tree(source)
        self.facts = collect_template_facts(source)
        join_as_text(source)
        return super()._generate(source, *args, **kwargs)

    def _compile(self, source: str, filename: str) -> types.CodeType:
        """Compile with the template's own line numbers, which tracebacks and crash reports show."""
        tree = ast.parse(source, filename)
        lines = _template_lines(source)
        for node in ast.walk(tree):
            if isinstance(node, (ast.expr, ast.stmt, ast.excepthandler, ast.arg, ast.keyword, ast.alias)):
                node.lineno = node.end_lineno = _line_of(lines, node.lineno)
                node.col_offset = node.end_col_offset = 0
        return compile(tree, filename, "exec")


def build_environment() -> TemplateEnvironment:
    """Build the environment of a child: no loader, few filters, two globals."""
    made = TemplateEnvironment(
        loader=None,
        optimized=False,
        undefined=PlainUndefined,
        autoescape=False,
        cache_size=0,
        finalize=write_none_as_nothing,
    )
    known = {**JINJA_FILTERS, "strftime": strftime, **GIVEN_FILTERS}
    made.filters = {name: adapt_filter(known[name]) for name in FILTERS}
    made.globals = {"range": _RANGE, "namespace": Namespace}
    return made


def check_source(source: str) -> None:
    """Refuse a text that is too long or too deeply nested before it is parsed; raises LanguageError."""
    if len(source) > limits.TEMPLATE_CHARS:
        message = f"A template has {limits.TEMPLATE_CHARS:,} characters at most."
        raise LanguageError("limit", message, source.count("\n", 0, limits.TEMPLATE_CHARS) + 1, code="long")
    depth, line = 0, 1
    for char in source:
        line += char == "\n"
        depth += (char in "([{") - (char in ")]}")
        if depth > limits.BRACKETS:
            raise LanguageError(
                "limit", f"Brackets are nested more than {limits.BRACKETS} deep.", line, code="nested"
            )
        depth = max(depth, 0)


def find_deepest_line(source: str) -> int:
    """Return the line at which the blocks of a template are nested deepest."""
    depth = deepest = 0
    found = 0
    for tag in _BLOCK.finditer(source):
        depth += -1 if tag[1].startswith("end") else 1
        if depth > deepest:
            deepest, found = depth, tag.start()
    return source.count("\n", 0, found) + 1


_BLOCK = re.compile(r"\{%-?\s*((?:end)?(?:if|for|macro|call|filter|block|with))\b")


def _check_tree(tree: nodes.Template) -> int:
    """Return the number of nodes; raises LanguageError for too many or too long filter chains."""
    count = 0
    for count, (node, chain) in enumerate(_walk(tree), 1):
        if isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            message = "A template cannot include, import or extend another one."
            raise LanguageError("rule", message, node.lineno, code="include")
        if chain > limits.TEMPLATE_CHAIN or count > limits.NODES:
            raise LanguageError("limit", "This template is too complex.", node.lineno, code="nodes")
    return count


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    """Yield every node with the number of filters around it, without recursion."""
    waiting = [(tree, 0)]
    while waiting:
        node, chain = waiting.pop()
        yield node, chain
        inside = chain + isinstance(node, (nodes.Filter, nodes.BinExpr, nodes.UnaryExpr))
        waiting.extend((child, inside) for child in node.iter_child_nodes())


def _template_lines(source: str) -> list[tuple[int, int]]:
    """Read Jinja's last line, `debug_info = '1=12&3=20'`: pairs of (generated line, template line)."""
    encoded = source.rpartition("debug_info = ")[2].strip().strip("'\"")
    pairs = (pair.partition("=") for pair in encoded.split("&") if pair)
    return [(int(generated), int(template)) for template, _, generated in pairs]


def _line_of(lines: list[tuple[int, int]], generated: int) -> int:
    found = 1
    for start, template in lines:
        if start > generated:
            break
        found = template
    return found


def _check_power(left: Any, right: Any) -> None:
    if type(left) is int and type(right) is int and left.bit_length() * abs(right) > limits.NUMBER_BITS:
        raise LimitReachedError("The result of ** would be too large.")


def _check_product(left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        if (
            isinstance(one, (str, list, tuple))
            and type(other) is int
            and len(one) * other > limits.REPEAT_ITEMS
        ):
            raise LimitReachedError("The result of * would be too large.")
    if (
        type(left) is int
        and type(right) is int
        and left.bit_length() + right.bit_length() > limits.NUMBER_BITS
    ):
        raise LimitReachedError("The result of * would be too large.")


def _check_remainder(left: Any, _right: Any) -> None:
    if isinstance(left, str):
        raise SecurityError("Use ~ to join texts; % is for numbers here.")


_OPERATOR_CHECKS: Final[dict[str, Callable[[Any, Any], None]]] = {
    "**": _check_power,
    "*": _check_product,
    "%": _check_remainder,
}
