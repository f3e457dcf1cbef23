"""Spelling: one slip in an unknown word is repaired."""

import pytest

from app.brains.nlu.normalise import normalise
from app.brains.nlu.spelling import Spelling

SPELLING = Spelling(["order", "where", "open", "orders", "to"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ordr", "order"), ("oder", "order"), ("orrder", "order"), ("roder", "order"), ("whera", "where"),
        ("order", "order"), ("orders", "orders"), ("oxdxr", "oxdxr"), ("ot", "ot"), ("1order", "1order"),
    ],
)  # fmt: skip
def test_a_slip_is_repaired_and_other_words_stay(written: str, read: str):
    assert SPELLING.repair(normalise(written)).words == normalise(read).words


def test_an_encoder_reads_the_repaired_sentence():
    assert SPELLING.repair(normalise("Wher is my Ordér")).sentence == "where is my ordér"
