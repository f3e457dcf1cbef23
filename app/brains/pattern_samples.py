"""Sample texts that match a regular expression (RE2 syntax), each checked with the compiled pattern."""

from collections.abc import Callable
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
    """Pattern that this parser does not support."""


def generate_samples(pattern: str, compiled: Any) -> list[str]:
    """Return a few different texts that the compiled pattern matches; none when that is too hard."""
    try:
        make = _PatternParser(pattern).parse()
    except UnreadableError:
        return []
    texts = (make(variant)[:_CHARS] for variant in range(_VARIANTS))
    return list(dict.fromkeys(text for text in texts if text.strip() and compiled.search(text)))


class _PatternParser:
    """Parser of RE2 syntax, in one pass from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def parse(self) -> Maker:
        """Parse the whole pattern; raises UnreadableError."""
        made = self._parse_alternatives()
        if self._at < len(self._pattern):
            raise UnreadableError(self._pattern)
        return made

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _read_char(self) -> str:
        if self._at >= len(self._pattern):
            raise UnreadableError(self._pattern)
        self._at += 1
        return self._pattern[self._at - 1]

    def _parse_alternatives(self) -> Maker:
        self._depth += 1
        if self._depth > _DEPTH:
            raise UnreadableError(self._pattern)
        options = [self._parse_sequence()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._parse_sequence())
        self._depth -= 1
        return lambda variant: options[variant % len(options)](variant // len(options))

    def _parse_sequence(self) -> Maker:
        parts: list[Maker] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._parse_repetition(self._parse_atom()))
        return lambda variant: "".join(part(variant) for part in parts)

    def _parse_atom(self) -> Maker:
        char = self._read_char()
        if char == "(":
            return self._parse_group()
        if char == "[":
            return _make_constant(self._parse_class())
        if char == "\\":
            return _make_constant(self._parse_escape())
        return _make_constant({".": "x", "^": "", "$": ""}.get(char, char))

    def _parse_repetition(self, one: Maker) -> Maker:
        least, high_count = 1, 1
        while (found := self._parse_quantifier()) is not None:
            least, high_count = found
            if self._peek() == "?":
                self._at += 1
        if (least, high_count) == (1, 1):
            return one
        return lambda variant: one(variant) * (high_count if variant % 2 else least)

    def _parse_quantifier(self) -> tuple[int, int] | None:
        """Parse how often the part before it may be repeated."""
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
        high_count = int(high) if high else least + bool(comma)
        return least, max(least, min(high_count, least + _REPEATS))

    def _parse_group(self) -> Maker:
        if self._peek() == "?":
            self._at += 1
            if not self._skip_group_prefix():
                return _make_constant("")
        made = self._parse_alternatives()
        if self._read_char() != ")":
            raise UnreadableError(self._pattern)
        return made

    def _skip_group_prefix(self) -> bool:
        """Read (?:  (?P<name>  (?i:  up to where the group's own text begins; False for (?i), which has none."""
        while True:
            char = self._read_char()
            if char in {":", ">"}:
                return True
            if char == ")":
                return False

    def _parse_class(self) -> str:
        """Return one character that a bracket class matches."""
        negated = self._peek() == "^"
        self._at += negated
        found = [self._parse_class_member()]
        while self._peek() != "]":
            found.append(self._parse_class_member())
        self._at += 1
        if not negated:
            return found[0]
        return next((char for char in "x7-é " if char not in "".join(found)), "~")

    def _parse_class_member(self) -> str:
        char = self._read_char()
        if char == "[" and self._peek() == ":":
            end = self._pattern.find(":]", self._at)
            if end < 0:
                raise UnreadableError(self._pattern)
            name = self._pattern[self._at + 1 : end]
            self._at = end + 2
            return _NAMED.get(name, "a")
        return self._parse_escape() if char == "\\" else char

    def _parse_escape(self) -> str:
        char = self._read_char()
        if char in {"p", "P"}:
            if self._read_char() == "{":
                while self._read_char() != "}":
                    pass
            return "é"
        if char in _EMPTY:
            return ""
        if char in _PARTS:
            return _PARTS[char]
        if char.isalnum():
            raise UnreadableError(self._pattern)
        return char


def _make_constant(text: str) -> Maker:
    return lambda _variant: text
