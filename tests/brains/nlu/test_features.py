"""Features: words, pairs and parts; what is unknown counts in the length."""

import math

import pytest

from app.brains.nlu.features import build_vocabulary, count_features

TEXTS = [("where", "is", "it"), ("where", "are", "you"), ("open", "today")]


def length(weights) -> float:
    return math.sqrt(sum(each * each for each in weights))


def test_a_text_has_words_pairs_and_parts_of_words():
    words, parts = count_features(("is", "it"))
    assert words == {"wis": 1, "wit": 1, "wis it": 1}
    assert parts["p i"] == 2
    assert parts["p is "] == 1


def test_a_known_text_has_two_blocks_of_length_one():
    row = build_vocabulary(TEXTS).build_row(TEXTS[0])
    assert length(row.weights) == pytest.approx(math.sqrt(2))
    assert list(row.places) == sorted(row.places)


def test_unknown_words_make_a_text_less_certain():
    vocabulary = build_vocabulary(TEXTS)
    assert length(vocabulary.build_row(("where", "zyx", "qqq")).weights) < 1
    assert not vocabulary.build_row(("zyx",)).places


def test_rare_features_can_be_left_out():
    vocabulary = build_vocabulary(TEXTS, 2)
    assert "wwhere" in vocabulary.places
    assert "wopen" not in vocabulary.places


def test_a_word_without_end_has_few_parts():
    _, parts = count_features(("x" * 500,))
    assert parts.total() < 200
