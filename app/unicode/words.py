"""Words of a text in every script: their edges, and the words of the full-text index and of its queries.

A combining mark is part of the letter before it. Scripts without spaces have an edge between any two letters; in the
index their letters stand in overlapping pairs, so that each run of letters is found.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from app.immutable import immutable
from app.unicode.folding import FoldOptions
from app.unicode.signs import (
    MARK,
    OTHER,
    PICTURES,
    REGIONALS,
    SKIN_TONE,
    SPACE,
    SPACELESS,
    SPACELESS_LETTERS,
    UNDERSCORE,
    WORD,
    describe_shape,
)

# Case and accents do not count in a search.
INDEX_OPTIONS: Final = FoldOptions(ignore_case=True, ignore_accents=True)
# Longer words are cut here, in the index and in its queries.
MAX_WORD_CHARS: Final = 200
_LETTERS: Final = frozenset({WORD, SPACELESS, UNDERSCORE})
# A letter and the marks on it are within this many characters; more are no writing.
_MAX_CLUSTER_CHARS: Final = 64
# A word; letters of a script without spaces, each with its marks; an emoji; a flag.
_RUN: Final = re.compile("(?P<spaceless>(?:sm*)+)|w[wm]*|[ek](?:[km]*ze)*[km]*|rr?")
# What a plain cut at spaces and punctuation is not enough for.
_NEEDS_CUT: Final = re.compile(rf"[{SPACELESS_LETTERS}{PICTURES}{REGIONALS}]|[^\s]{{{MAX_WORD_CHARS},}}")
_SPACELESS_LETTER: Final = re.compile("sm*")


@immutable
class Word:
    """A word of a folded text, and its place there."""

    text: str
    start: int
    end: int


@immutable
class Phrase:
    """Words that follow each other; `is_open`: the last one stands for any word that begins so."""

    words: tuple[str, ...]
    is_open: bool

    def find_places(self, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """Yield where the phrase stands among the words of a folded text."""
        *first, last = self.words
        for at in range(len(words) - len(first)):
            end = words[at + len(first)]
            if (end.text.startswith(last) if self.is_open else end.text == last) and all(
                word.text == wanted for word, wanted in zip(words[at:], first, strict=False)
            ):
                yield words[at].start, end.start + len(last)


def is_word_edge(text: str, position: int) -> bool:
    """Tell whether a word can begin or end at a position of a text."""
    after = describe_shape(text[position : position + 1])
    if position and after in {MARK, SKIN_TONE}:
        return False
    at, base = position - 1, MARK
    while base == MARK and position - at < _MAX_CLUSTER_CHARS:
        base = describe_shape(text[max(at, 0) : at + 1])
        at -= 1
    return base not in _LETTERS or after not in _LETTERS or SPACELESS in {base, after}


def cut_words(text: str) -> list[Word]:
    """Cut a folded text into the words of the full-text index."""
    found: list[Word] = []
    for run in _RUN.finditer(describe_shape(text)):
        ends = _list_ends(run)
        places = [*zip(ends, ends[2:], strict=False), (ends[-2], ends[-1])]
        found += [Word(text[start:end][:MAX_WORD_CHARS], start, end) for start, end in places]
    return found


def join_index_words(text: str) -> str:
    """Return the words of a folded text for the full-text index, separated by spaces."""
    if _NEEDS_CUT.search(text):
        return " ".join(word.text for word in cut_words(text))
    return text.translate(_SEPARATORS)


class _Separators(dict[int, int]):
    """Table for `str.translate` that puts a space where a word ends; filled as characters are met."""

    def __missing__(self, code: int) -> int:
        found = ord(" ") if describe_shape(chr(code)) in {SPACE, UNDERSCORE, OTHER} else code
        if code <= 0xFFFF:
            self[code] = found
        return found


_SEPARATORS: Final = _Separators()


def build_phrase(text: str, is_open: bool) -> Phrase | None:
    """Return what finds a folded text in the index; None for a text without words."""
    words: list[str] = []
    last_ends: list[int] = []
    is_spaceless = False
    for run in _RUN.finditer(describe_shape(text)):
        # The last letter of a run stands in the index once more, by itself.
        if len(last_ends) > 2:
            words.append(text[last_ends[-2] : last_ends[-1]])
        last_ends = _list_ends(run)
        places = list(zip(last_ends, last_ends[2:], strict=False)) or [(last_ends[0], last_ends[-1])]
        words += [text[start:end][:MAX_WORD_CHARS] for start, end in places]
        is_spaceless = bool(run["spaceless"])
    if not words:
        return None
    return Phrase(tuple(words), is_open or is_spaceless or len(words[-1]) == MAX_WORD_CHARS)


def _list_ends(run: re.Match[str]) -> list[int]:
    """Return where the letters of a run end, its beginning first; a word counts as one letter."""
    if not run["spaceless"]:
        return [run.start(), run.end()]
    return [run.start(), *(run.start() + letter.end() for letter in _SPACELESS_LETTER.finditer(run[0]))]
