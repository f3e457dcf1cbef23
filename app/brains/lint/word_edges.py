r"""Letters beyond ASCII beside `\b` in a pattern: RE2 finds no edge of a word there."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias

_TOKEN: Final = re.compile(
    r"""
    \\Q(?P<quoted>.*?)(?:\\E|\Z) |
    (?P<edge>\\b) |
    (?P<anchor>\\[ABEz] | [\^$]) |
    (?P<open>\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?) |
    (?P<flags>\(\?[a-zA-Z-]+\)) |
    (?P<close>\)) |
    (?P<other>\|) |
    (?P<repeat>[*+?]\?? | \{\d+(?:,\d*)?\}\??) |
    (?P<atom>\\[pP](?:\{[^}]*\}|.) | \\x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2}) | \\. |
        \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\] | .)
    """,
    re.DOTALL | re.VERBOSE,
)
_CODE: Final = re.compile(r"\\x\{?([0-9a-fA-F]+)\}?")
# Classes of signs that are no letters: punctuation, symbols, separators, control characters.
_NO_LETTERS: Final = re.compile(r"\\P|\\p\{?\^?[PSZC][a-z]?\}?\Z")
_CAN_BE_SPACE: Final = frozenset({".", " ", r"\s", r"\W", r"\D"})


@dataclass(slots=True)
class _Part:
    """Part of a pattern: an atom, a group of alternatives (each a list of parts), or an edge (neither)."""

    atom: str = ""
    alternatives: list[list["_Part"]] = field(default_factory=list)
    is_optional: bool = False


_Parts: TypeAlias = Sequence[_Part]


def find_letter_at_edge(pattern: str) -> str:
    r"""Return a letter or class of letters beyond ASCII that a `\b` of the pattern stands beside; empty for none."""
    return next(_list_letters(_parse(pattern).alternatives, (), ()), "") if r"\b" in pattern else ""


def _parse(pattern: str) -> _Part:
    groups = [_Part(alternatives=[[]])]
    for token in _TOKEN.finditer(pattern):
        kind, parts = token.lastgroup, groups[-1].alternatives[-1]
        if kind == "open":
            parts.append(_Part(alternatives=[[]]))
            groups.append(parts[-1])
        elif kind == "close" and len(groups) > 1:
            groups.pop()
        elif kind == "other":
            groups[-1].alternatives.append([])
        elif kind == "repeat" and parts:
            parts[-1].is_optional |= token[0][0] in "*?" or token[0].startswith("{0")
        elif kind == "edge":
            parts.append(_Part())
        elif kind in {"atom", "quoted"}:
            parts += [_Part(each) for each in ([token[0]] if kind == "atom" else token["quoted"])]
    return groups[0]


def _list_letters(alternatives: Sequence[_Parts], before: _Parts, after: _Parts) -> Iterator[str]:
    """Yield the letters beside the edges of a group that stands between others."""
    for parts in alternatives:
        for place, part in enumerate(parts):
            left = [*before, *parts[:place]]
            right = [*parts[place + 1 :], *after]
            if part.alternatives:
                yield from _list_letters(part.alternatives, left, right)
            elif not part.atom:
                near = chain(_list_neighbours(right), _list_neighbours(left[::-1], is_backwards=True))
                yield from filter(None, map(_find_letter, near))


def _list_neighbours(parts: _Parts, *, is_backwards: bool = False) -> Iterator[str]:
    """Yield the atoms that can come next, up to one that must be there or can be a space."""
    for part in parts:
        for inner in part.alternatives:
            yield from _list_neighbours(inner[::-1] if is_backwards else inner, is_backwards=is_backwards)
        if part.atom:
            yield part.atom
        if part.atom in _CAN_BE_SPACE or not (part.is_optional or part == _Part()):
            return


def _find_letter(atom: str) -> str:
    """Return the first letter beyond ASCII that an atom stands for, or the atom if it is a class of letters."""
    if atom.startswith("[^") or _NO_LETTERS.match(atom):
        return ""
    if r"\p" in atom:
        return atom
    letters = _CODE.sub(lambda code: chr(min(int(code[1], 16), 0x10FFFF)), atom)
    return next(
        (each for each in letters if not each.isascii() and unicodedata.category(each)[0] in "LMN"), ""
    )
