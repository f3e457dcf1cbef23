"""`re` as a script sees it: bounded patterns, cache of compiled ones."""

from __future__ import annotations

import re
import warnings

from .. import limits  # noqa: TID252  the package has another name in the child
from .guards import ATTRIBUTES, name_methods, split_words
from .language import LimitReachedError
from .shapes import Module, TitledObject

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PATTERNS_KEPT = 64
_compiled: dict[tuple[str, int], Pattern] = {}


class Pattern(TitledObject):
    """A compiled regular expression."""

    __slots__ = ("_compiled",)
    title = "pattern"

    def __init__(self, compiled: re.Pattern[str]) -> None:
        self._compiled = compiled

    def search(self, text: str, *span: int) -> Any:
        """Return the first match anywhere, or None."""
        return self._compiled.search(text, *span)

    def match(self, text: str, *span: int) -> Any:
        """Return the match at the beginning, or None."""
        return self._compiled.match(text, *span)

    def fullmatch(self, text: str, *span: int) -> Any:
        """Return the match of the whole text, or None."""
        return self._compiled.fullmatch(text, *span)

    def findall(self, text: str, *span: int) -> list[Any]:
        """Return all that matches, as texts or tuples of groups."""
        return self._compiled.findall(text, *span)

    def finditer(self, text: str, *span: int) -> list[Any]:
        """Return all matches."""
        return list(self._compiled.finditer(text, *span))

    def split(self, text: str, maxsplit: int = 0) -> list[Any]:
        """Return the text cut where it matches."""
        return self._compiled.split(text, maxsplit)

    def sub(self, repl: Any, text: str, count: int = 0) -> str:
        """Return the text with every match replaced."""
        return self._compiled.sub(repl, text, count)

    def subn(self, repl: Any, text: str, count: int = 0) -> tuple[str, int]:
        """Return the text with every match replaced, and how many there were."""
        return self._compiled.subn(repl, text, count)


ATTRIBUTES[Pattern] = split_words("search match fullmatch findall finditer split sub subn")


def compile_pattern(pattern: Any, flags: Any = 0) -> Pattern:
    """Return a compiled pattern, from the last few used if it is there; raises re.error, LimitReachedError."""
    if type(pattern) is Pattern:
        return pattern
    if type(pattern) is not str or type(flags) is not int:
        raise TypeError("a pattern must be a text, its flags such as re.IGNORECASE")
    kept = _compiled.get((pattern, flags))
    if kept is not None:
        return kept
    if len(pattern) > limits.PATTERN_CHARS:
        raise LimitReachedError(f"A pattern has {limits.PATTERN_CHARS:,} characters at most.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Pattern(re.compile(pattern, flags & ~_DEBUG))
    if len(_compiled) >= _PATTERNS_KEPT:
        _compiled.clear()
    _compiled[pattern, flags] = made
    re.purge()
    return made


_DEBUG = int(re.DEBUG | re.LOCALE)


def _by_pattern(name: str) -> Callable[..., Any]:
    method = getattr(Pattern, name)

    def call(pattern: Any, text: Any, flags: Any = 0) -> Any:
        return method(compile_pattern(pattern, flags), text)

    call.__qualname__ = f"re.{name}"
    return call


def _split(pattern: Any, text: Any, maxsplit: int = 0, flags: Any = 0) -> list[Any]:
    return compile_pattern(pattern, flags).split(text, maxsplit)


def _sub(pattern: Any, repl: Any, text: Any, count: int = 0, flags: Any = 0) -> str:
    return compile_pattern(pattern, flags).sub(repl, text, count)


def _subn(pattern: Any, repl: Any, text: Any, count: int = 0, flags: Any = 0) -> tuple[str, int]:
    return compile_pattern(pattern, flags).subn(repl, text, count)


def _escape(text: str) -> str:
    return re.escape(text)


_FLAGS = ("A", "ASCII", "I", "IGNORECASE", "M", "MULTILINE", "S", "DOTALL", "U", "UNICODE", "X", "VERBOSE")
RE = Module(
    "re",
    {
        "compile": compile_pattern,
        "escape": _escape,
        "error": re.error,
        "split": _split,
        "sub": _sub,
        "subn": _subn,
        **{name: _by_pattern(name) for name in ("search", "match", "fullmatch", "findall", "finditer")},
        **{name: int(getattr(re, name)) for name in _FLAGS},
    },
)
name_methods(Pattern)
