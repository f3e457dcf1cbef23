r"""Letters beside `\b` that are no part of a word to RE2."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from app.brains.lint.word_edges import find_letter_at_edge


@pytest.mark.parametrize(
    ("pattern", "letter"),
    [
        (r"\bпривет\b", "п"),
        (r"привет\b", "т"),
        (r"\bcafé\b", "é"),
        (r"(?i)\bñ?ame", "ñ"),
        (r"[а-я]+\b", "а"),
        (r"\b[éè]", "é"),
        (r"\b(?P<word>да|нет)", "д"),
        (r"(привет|hi)\b", "т"),
        (r"(hi\b|да) нет", ""),
        (r"(x|привет)[!]?\b", "т"),
        (r"\b(\w+|да)", "д"),
        (r"\x{441}\b", "с"),
        (r"caf\xe9\b", "é"),
        (r"\b\p{L}+", r"\p{L}"),
        (r"\p{Greek}{2,}\b", r"\p{Greek}"),
        (r"\bकाम", "क"),
        (r"\Qда\E\b", "а"),
    ],
)
def test_a_letter_beyond_ascii_beside_an_edge_is_found(pattern: str, letter: str):
    re2.compile(pattern)
    assert find_letter_at_edge(pattern) == letter


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bhello\b",
        r"\b\w+\b",
        r"привет",
        r"\B я",
        r"\bhi\b привет",
        r"привет\s*\bhi",
        r"\b[^é]",
        r"\p{P}\b",
        r"\\b да",
        r"[\x{8}да]",
        r"👍\b",
        r"\b(a|b)c?$",
    ],
)
def test_other_edges_are_left_alone(pattern: str):
    re2.compile(pattern)
    assert find_letter_at_edge(pattern) == ""


@given(st.text(alphabet=r"\b()[]|*+?{}2,^$:<>Piдah. ", max_size=30))
def test_no_pattern_makes_it_fail(pattern: str):
    assert isinstance(find_letter_at_edge(pattern), str)
