"""Makes new attacks out of known ones: pieces of syntax trees and tokens, cut and put together by chance."""

import ast
import copy
import random
import re
import warnings
from collections.abc import Sequence

from tests.escapes.corpus import SCRIPT, TEMPLATE, Snippet

_TOKEN = re.compile(
    r"\{\{|\}\}|\{%-?|-?%\}|\{#|#\}|\w+|'[^'\n]*'|\"[^\"\n]*\"|\s+|\*\*|//|<<|[^\w\s]", re.UNICODE
)


def _words(listed: str) -> list[str]:
    return listed.split()


_CONSTANTS = (
    0,
    -1,
    2**31,
    2**64,
    10**9,
    1e308,
    float("inf"),
    "",
    "x" * 1000,
    "\ud800",
    "\0",
    "__class__",
    "canary.txt",
)
_CONSTANTS_MORE = (
    None,
    True,
    b"x",
    ...,
    1j,
    "CANARY",
    "%s" * 50,
    "{0.__class__}",
    "_getattr_",
    "https://api.allowed.test/",
)
_ATTRIBUTES = _words(
    "__class__ __globals__ __dict__ __self__ __func__ __code__ __builtins__ __subclasses__ __mro__ "
    "__reduce_ex__ f_back gi_frame f_builtins tb_frame __traceback__ __closure__ format format_map obj "
    "args send throw cell_contents modules reply memory http get set ai message text incr top keys append "
    "update pop sub compile loads dumps seed shuffle"
)
_NAMES = _words(
    "ctx print getattr open eval exec __import__ _getattr_ _getitem_ _getiter_ _write_ _print_ _apply_ "
    "_inplacevar_ __builtins__ range sorted map str list dict type object json re math random datetime "
    "self cycler lipsum namespace loop"
)
_WRAPS = (
    "try:\n    pass\nexcept Exception as e:\n    ctx.reply(str(e.args))",
    "def f(*a, **k):\n    pass\nf(1, x=2)",
    "for i in range(10 ** 6):\n    pass",
    "while True:\n    pass",
    "if 1:\n    pass\nelse:\n    pass",
    "try:\n    pass\nfinally:\n    ctx.reply('end')",
)
_ODD_TOKENS = (
    *_NAMES,
    *_ATTRIBUTES,
    *'|.()[]{}:,~=%*"',
    "'",
    " ",
    "\n",
    "{{",
    "}}",
    "{%",
    "%}",
    "**",
    "\\",
    "\x00",
    "９",
    "ﬁ",
)
_MOST_CHARS = 40_000
_MODULES = frozenset({"json", "re", "math", "random", "datetime"})
_RUDE = (
    ast.ClassDef,
    ast.AsyncFunctionDef,
    ast.Await,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.Yield,
    ast.YieldFrom,
    ast.With,
    ast.Match,
    ast.Global,
    ast.Nonlocal,
    ast.TryStar,
    ast.ImportFrom,
    ast.AnnAssign,
)


class Mutator:
    """Draws attack after attack; the same seed gives the same attacks in the same order."""

    def __init__(self, seeds: Sequence[Snippet], seed: str) -> None:
        self._random = random.Random(seed)
        self._seeds = [snippet for snippet in seeds if len(snippet.code) < 4_000]
        self._afters = {
            language: [
                each.then
                for each in seeds
                if each.language == language and each.then and "PWN" not in each.then
            ]
            for language in (SCRIPT, TEMPLATE)
        }
        trees = [
            tree for snippet in self._seeds if snippet.language == SCRIPT and (tree := _parsed(snippet.code))
        ]
        # Half of the attacks are made of what the policy lets through: or the fuzzer would only test the policy.
        self._stocks = [_Stock(trees, polite=False), _Stock(trees, polite=True)]

    def draw(self, number: int) -> Snippet:
        """Make one attack, with something for another operator to run after it."""
        pick = self._random.random()
        if pick < 0.55:
            language, code = SCRIPT, self._from_trees()
        else:
            first = self._random.choice(self._seeds)
            language, code = first.language, self._from_tokens(first)
        then = self._random.choice(self._afters[language] or [""])
        return Snippet(f"fuzz-{number}", language, code[:_MOST_CHARS], "fuzz", "fuzz", then)

    def _from_trees(self) -> str:
        stock = self._random.choice(self._stocks)
        tree = copy.deepcopy(self._random.choice(stock.trees))
        change = _Change(self._random, stock)
        for _ in range(self._random.randint(1, 4)):
            change.apply(tree)
        try:
            return ast.unparse(ast.fix_missing_locations(tree))
        except (RecursionError, ValueError, TypeError, AttributeError):
            return self._from_tokens(self._random.choice(self._seeds))

    def _from_tokens(self, first: Snippet) -> str:
        draw = self._random
        tokens = _TOKEN.findall(first.code)
        other = _TOKEN.findall(
            draw.choice([each for each in self._seeds if each.language == first.language]).code
        )
        for _ in range(draw.randint(1, 6)):
            at, length = draw.randrange(len(tokens) + 1), draw.randint(0, 5)
            source = draw.randrange(len(other) + 1)
            new = draw.choice(
                [[], tokens[at : at + length] * 2, other[source : source + 12], [draw.choice(_ODD_TOKENS)]]
            )
            tokens[at : at + length] = new
        return "".join(tokens)


class _Stock:
    """The pieces that attacks are made of; `polite` ones alone would be let through by the policy."""

    def __init__(self, trees: Sequence[ast.Module], *, polite: bool) -> None:
        self.trees = [tree for tree in trees if not polite or _is_polite(tree)]
        nodes = [node for tree in trees for node in ast.walk(tree) if not polite or _is_polite(node)]
        self.expressions = [node for node in nodes if isinstance(node, ast.expr)]
        self.statements = [node for node in nodes if isinstance(node, ast.stmt)]
        self.names = [name for name in _NAMES if not polite or not name.startswith("_")]
        self.attributes = [name for name in _ATTRIBUTES if not polite or not name.startswith("_")]


def _is_polite(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        named = [getattr(node, name, None) for name in ("id", "attr", "arg", "name", "module", "asname")]
        if isinstance(node, _RUDE) or any(isinstance(name, str) and name.startswith("_") for name in named):
            return False
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if not _MODULES.issuperset(imported) or getattr(node, "decorator_list", None):
            return False
    return True


class _Change:
    """One change somewhere in a tree."""

    def __init__(self, draw: random.Random, stock: _Stock) -> None:
        self._draw, self._stock = draw, stock

    def apply(self, tree: ast.Module) -> None:
        """Change the tree in place."""
        self._draw.choice([self._expression, self._statement, self._name, self._constant, self._wrap])(tree)

    def _expression(self, tree: ast.Module) -> None:
        """Put an expression of some attack in the place of another."""
        places = [
            (node, name, index)
            for node in ast.walk(tree)
            for name, value in ast.iter_fields(node)
            for index, part in enumerate(value if isinstance(value, list) else [value])
            if isinstance(part, ast.expr) and isinstance(getattr(part, "ctx", ast.Load()), ast.Load)
        ]
        if not places:
            return
        node, name, index = self._draw.choice(places)
        new = copy.deepcopy(self._draw.choice(self._stock.expressions))
        if isinstance(getattr(node, name), list):
            getattr(node, name)[index] = new
        else:
            setattr(node, name, new)

    def _bodies(self, tree: ast.Module) -> list[list[ast.stmt]]:
        return [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]

    def _statement(self, tree: ast.Module) -> None:
        """Put a statement of some attack beside or in the place of another."""
        body = self._draw.choice(self._bodies(tree))
        at = self._draw.randrange(len(body) + 1)
        body[at : at + self._draw.randint(0, 1)] = [copy.deepcopy(self._draw.choice(self._stock.statements))]

    def _name(self, tree: ast.Module) -> None:
        """Give a name or an attribute another name."""
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute | ast.arg)]
        if not nodes:
            return
        node = self._draw.choice(nodes)
        if isinstance(node, ast.Attribute):
            node.attr = self._draw.choice(self._stock.attributes)
        elif isinstance(node, ast.Name):
            node.id = self._draw.choice(self._stock.names)
        else:
            node.arg = self._draw.choice(self._stock.names)

    def _constant(self, tree: ast.Module) -> None:
        """Put an odd constant in."""
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        if nodes:
            self._draw.choice(nodes).value = self._draw.choice(_CONSTANTS + _CONSTANTS_MORE)

    def _wrap(self, tree: ast.Module) -> None:
        """Put a body into a loop, a function or a try."""
        body = self._draw.choice(self._bodies(tree))
        wrap = ast.parse(self._draw.choice(_WRAPS)).body
        inner = wrap[0]
        if body and isinstance(inner, ast.Try | ast.FunctionDef | ast.For | ast.While | ast.If):
            inner.body = list(body)
            body[:] = wrap


def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if tree.body else None
