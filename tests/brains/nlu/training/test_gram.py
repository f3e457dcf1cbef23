"""Similarities are those of the vectors written out."""

import numpy as np

from app.brains.nlu.features import build_vocabulary
from app.brains.nlu.training.gram import compute_gram


def test_similarities_of_rare_and_frequent_features():
    texts = [("the", f"w{n % 7}", f"x{n}") for n in range(60)]
    vocabulary = build_vocabulary(texts)
    rows = [vocabulary.build_row(each) for each in texts]
    dense = np.zeros((len(rows), len(vocabulary.places)))
    for at, row in enumerate(rows):
        dense[at, list(row.places)] = row.weights
    assert np.allclose(compute_gram(rows, len(vocabulary.places)), dense @ dense.T, atol=1e-5)
