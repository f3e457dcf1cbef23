"""Compiler of scripts: bounds, parser, allow-list of syntax, guards."""

import ast
import marshal
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from . import rules
from .bounds import check_source, check_tree
from .language import LanguageError
from .restricted import Grammar
from .script import SCRIPT_FILE
from .script_facts import collect_script_facts

_LONG_LINE = 200
_FRAMES = 2_000  # of Python's own, while a tree of the allowed depth is rewritten


def _columns_in_characters(tree: ast.AST, lines: list[str]) -> None:
    """Convert columns from bytes of UTF-8, as Python counts them, to characters."""
    ascii_lines = [line.isascii() for line in lines]
    for node in ast.walk(tree):
        for line_name, name in (("lineno", "col_offset"), ("end_lineno", "end_col_offset")):
            line, column = getattr(node, line_name, None), getattr(node, name, None)
            if line and column and line <= len(lines) and not ascii_lines[line - 1]:
                setattr(node, name, len(lines[line - 1].encode()[:column].decode("utf-8", "replace")))


def _parse(source: str) -> ast.Module:
    tree = ast.parse(source, SCRIPT_FILE)
    if not source.isascii():
        _columns_in_characters(tree, re.split("\r\n|\r|\n", source))
    return tree


def _stray_return(error: SyntaxError) -> NoReturn:
    columns = _syntax_columns(error)
    if error.msg == "'return' outside function":
        raise LanguageError("rule", rules.RETURN[1], error.lineno, columns, rules.RETURN[0]) from None
    raise LanguageError("syntax", error.msg, error.lineno, columns, "syntax") from None


def _syntax_columns(error: SyntaxError) -> tuple[int, int] | None:
    if not error.offset or error.offset < 1:
        return None
    end = error.end_offset if error.end_lineno == error.lineno and error.end_offset else 0
    return error.offset, max(end, error.offset + 1)


def _longest(source: str) -> int | None:
    """Return the number of a far too long line, if there is one: the parser gives up without a position."""
    lines = source.splitlines()
    line = max(range(len(lines)), key=lambda number: len(lines[number]))
    return line + 1 if len(lines[line]) > _LONG_LINE else None


def compile_script(source: str, look: Callable[[ast.Module], None] | None = None) -> tuple[bytes, int]:
    """Return marshalled code and the number of syntax nodes; raises LanguageError with line and columns.

    `look` is shown the checked tree before guards are put into it.
    """
    check_source(source)
    before = sys.getrecursionlimit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sys.setrecursionlimit(max(before, _FRAMES))
            tree = _parse(source)
            count = check_tree(tree)
            if look:
                look(tree)
            code = compile(Grammar().visit(tree), SCRIPT_FILE, "exec")
        except SyntaxError as error:
            _stray_return(error)
        except (RecursionError, MemoryError):
            raise LanguageError("limit", rules.NESTED[1], _longest(source), None, rules.NESTED[0]) from None
        except ValueError:
            raise LanguageError("rule", rules.NUL[1], None, None, rules.NUL[0]) from None
        finally:
            sys.setrecursionlimit(before)
    return marshal.dumps(code), count


class Compiler:
    """Compiles scripts."""

    name = "script"
    file = SCRIPT_FILE

    def __init__(self) -> None:
        self.facts: list[Any] = []

    def compile(self, source: str) -> tuple[bytes, int]:
        """Return marshalled code and the number of syntax nodes; raises LanguageError."""
        return compile_script(source, self._look)

    def _look(self, tree: ast.Module) -> None:
        self.facts = collect_script_facts(tree)

    def warm_up(self) -> list[str]:
        """Return scripts that use the whole grammar, and its errors."""
        return [_WARM_UP, "class A: pass", "x = (", _WARM_UP]


# With a name beyond ASCII, for which Python's parser loads a module of its own.
_WARM_UP = """\
import re
größe = 1
from datetime import datetime as moment
def total(items, *more, rate=1.5, **named):
    found = {key: [*value] for key, value in items.items() if key}
    counts = {}
    for word, (a, b) in zip(found, [(1, 2)]):
        counts[word] += a ** b
    try:
        x, *y = more
    except ValueError as error:
        print(f"{error!r:>10} é {rate:.2f}")
    finally:
        del counts["é"]
    return (lambda n: n * 2 if n else -n)(len(found))
while (n := total({}, *[1], **{})) > 1 and not ctx.args.x[0:1]:
    n -= 1
ctx.reply(f"{n}", buttons=["Yes"])
"""

COMPILER = Compiler()
