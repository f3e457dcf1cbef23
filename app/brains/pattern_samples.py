"""Texts that fit a regular expression, made from the expression itself; RE2 has the last word on each."""

from collections.abc import Callable, Iterator
from typing import Any, Final

_VARIANTS: Final = 8
_DEPTH: Final = 30
_CHARS: Final = 200
_REPEATS: Final = 8
_PARTS: Final = {"d": "5", "D": "a", "w": "a", "W": "-", "s": " ", "S": "a", "n": "\n", "t": "\t", "r": "\r"}
_EMPTY: Final = frozenset("bBAzZQE")
_NAMED: Final = {"digit": "5", "space": " ", "punct": "-", "upper": "A"}

# Makes the text of one variant: the number decides between alternatives and how often something is repeated.
Maker = Callable[[int], str]


class UnreadableError(ValueError):
    """A pattern this reader does not follow."""


def sample(pattern: str, compiled: Any) -> list[str]:
    """Return a few different texts in which the compiled pattern is found; none when that is too hard."""
    try:
        make = _Reader(pattern).read()
    except UnreadableError:
        return []
    texts = (make(variant)[:_CHARS] for variant in range(_VARIANTS))
    return list(dict.fromkeys(text for text in texts if text.strip() and compiled.search(text)))


class _Reader:
    """Reads RE2's syntax once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def read(self) -> Maker:
        """Read the whole pattern; raises UnreadableError."""
        made = self._either()
        if self._at < len(self._pattern):
            raise UnreadableError(self._pattern)
        return made

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        if self._at >= len(self._pattern):
            raise UnreadableError(self._pattern)
        self._at += 1
        return self._pattern[self._at - 1]

    def _either(self) -> Maker:
        self._depth += 1
        if self._depth > _DEPTH:
            raise UnreadableError(self._pattern)
        options = [self._row()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._row())
        self._depth -= 1
        return lambda variant: options[variant % len(options)](variant // len(options))

    def _row(self) -> Maker:
        parts: list[Maker] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._repeated(self._one()))
        return lambda variant: "".join(part(variant) for part in parts)

    def _one(self) -> Maker:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return _always(self._members())
        if char == "\\":
            return _always(self._escaped())
        return _always({".": "x", "^": "", "$": ""}.get(char, char))

    def _repeated(self, one: Maker) -> Maker:
        least, most = 1, 1
        while (found := self._count()) is not None:
            least, most = found
            if self._peek() == "?":
                self._at += 1
        if (least, most) == (1, 1):
            return one
        return lambda variant: one(variant) * (most if variant % 2 else least)

    def _count(self) -> tuple[int, int] | None:
        """Read how often the part before may stand here."""
        char = self._peek()
        if char in {"*", "+", "?"}:
            self._at += 1
            return {"*": (0, 1), "+": (1, 2), "?": (0, 1)}[char]
        end = self._pattern.find("}", self._at)
        low, comma, high = self._pattern[self._at + 1 : max(end, 0)].partition(",")
        if char != "{" or end < 0 or not low.isdecimal() or not (high.isdecimal() or not high):
            return None
        self._at = end + 1
        least = min(int(low), _REPEATS * _REPEATS)
        most = int(high) if high else least + bool(comma)
        return least, max(least, min(most, least + _REPEATS))

    def _group(self) -> Maker:
        if self._peek() == "?":
            self._at += 1
            if not self._named():
                return _always("")
        made = self._either()
        if self._take() != ")":
            raise UnreadableError(self._pattern)
        return made

    def _named(self) -> bool:
        """Read (?:  (?P<name>  (?i:  up to where the group's own text begins; False for (?i), which has none."""
        while True:
            char = self._take()
            if char in {":", ">"}:
                return True
            if char == ")":
                return False

    def _members(self) -> str:
        """Return one character that a class in brackets stands for."""
        negated = self._peek() == "^"
        self._at += negated
        found = [self._member()]
        while self._peek() != "]":
            found.append(self._member())
        self._at += 1
        if not negated:
            return found[0]
        return next((char for char in "x7-é " if char not in "".join(found)), "~")

    def _member(self) -> str:
        char = self._take()
        if char == "[" and self._peek() == ":":
            end = self._pattern.find(":]", self._at)
            if end < 0:
                raise UnreadableError(self._pattern)
            name = self._pattern[self._at + 1 : end]
            self._at = end + 2
            return _NAMED.get(name, "a")
        return self._escaped() if char == "\\" else char

    def _escaped(self) -> str:
        char = self._take()
        if char in {"p", "P"}:
            if self._take() == "{":
                while self._take() != "}":
                    pass
            return "é"
        if char in _EMPTY:
            return ""
        if char in _PARTS:
            return _PARTS[char]
        if char.isalnum():
            raise UnreadableError(self._pattern)
        return char


def _always(text: str) -> Maker:
    return lambda _variant: text


def spread(text: str) -> Iterator[str]:
    """Yield a text alone, at the beginning, at the end and in the middle of a longer one."""
    filler = "xqz"
    yield from (text, f"{text} {filler}", f"{filler} {text}", f"{filler} {text} {filler}")
