"""Unicode rules of the product: texts compared, words cut, names shown; the same for triggers, search and pages."""

from app.unicode.folding import FoldedText, FoldOptions, fold
from app.unicode.visibility import clean_name, has_visible_character, strip_direction_marks
from app.unicode.words import (
    INDEX_OPTIONS,
    Phrase,
    Word,
    build_phrase,
    cut_words,
    is_word_edge,
    join_index_words,
)

__all__ = [
    "INDEX_OPTIONS",
    "FoldOptions",
    "FoldedText",
    "Phrase",
    "Word",
    "build_phrase",
    "clean_name",
    "cut_words",
    "fold",
    "has_visible_character",
    "is_word_edge",
    "join_index_words",
    "strip_direction_marks",
]
