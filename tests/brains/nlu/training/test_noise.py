"""Misspelt copies are alike, and the same for the same chance."""

import random

from app.brains.nlu.training.noise import misspell


def test_copies_differ_in_few_letters():
    text = "where is my order and when does it arrive"
    copies = [misspell(text, random.Random(seed)) for seed in range(50)]
    assert copies == [misspell(text, random.Random(seed)) for seed in range(50)]
    assert sum(copy != text for copy in copies) > 40
    assert all(abs(len(copy) - len(text)) < 10 for copy in copies)
    assert misspell("ok", random.Random(1)) == "ok"
