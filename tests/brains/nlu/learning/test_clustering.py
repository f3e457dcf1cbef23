"""Clusters of messages: near duplicates, groups of similar ones, hostile texts, and what the most of them cost."""

import random
import time

import numpy as np
import pytest

from app.brains.nlu.learning import clustering
from app.brains.nlu.learning.clustering import MOST_MESSAGES, build_clusters, join_similar
from app.brains.nlu.training.noise import misspell
from app.brains.nlu.training.training_set import list_background
from tests.brains.nlu.test_normalise import HOSTILE


def name_clusters(texts: list[str], encode: object = None) -> list[list[list[str]]]:
    return [[[texts[at] for at in places] for places in each] for each in build_clusters(texts, encode)]  # type: ignore[arg-type]


def test_same_and_nearly_same_wordings_are_one():
    texts = ["Do you repair bicycles?", "a table please", "do you repair bicycles", "do you repair bicyclez"]
    assert name_clusters(texts) == [
        [["Do you repair bicycles?", "do you repair bicycles", "do you repair bicyclez"]],
        [["a table please"]],
    ]


def test_similar_wordings_stand_together_the_largest_cluster_first():
    texts = [
        "a refund please",
        "is there parking",
        "can I get a refund",
        "parking place?",
        "I want the refund",
    ]
    assert [sorted(text for wording in each for text in wording) for each in name_clusters(texts)] == [
        ["I want the refund", "a refund please", "can I get a refund"],
        ["is there parking", "parking place?"],
    ]


def test_an_encoder_brings_together_what_shares_no_word():
    vectors = {"how much is it": [1.0, 0.0], "what does this cost": [0.8, 0.6], "hello": [0.0, 1.0]}
    texts = list(vectors)

    def encode(sentences: object) -> object:
        return np.array([vectors[each] for each in sentences], np.float32)  # type: ignore[attr-defined]

    assert name_clusters(texts, encode) == [[["how much is it"], ["what does this cost"]], [["hello"]]]
    assert len(name_clusters(texts, lambda _sentences: None)) == 3


def test_groups_are_those_of_mean_similarity_joined_one_after_the_other():
    chance = np.random.default_rng(3)
    for size in (1, 2, 3, 8, 25):
        for _ in range(20):
            vectors = np.abs(chance.normal(0, 1, (size, 4)))
            vectors /= np.linalg.norm(vectors, axis=1)[:, None]
            similar = (vectors @ vectors.T) ** 6
            assert sorted(map(sorted, join_similar(similar))) == sorted(map(sorted, join_naively(similar)))


def join_naively(similar: np.ndarray) -> list[list[int]]:
    """Join the two nearest groups, again and again, as the definition says."""
    groups = [[at] for at in range(len(similar))]
    while True:
        pairs = [
            (float(similar[np.ix_(one, two)].mean()), first, second)
            for first, one in enumerate(groups)
            for second, two in enumerate(groups)
            if first < second
        ]
        best = max(pairs, default=(0.0, 0, 0))
        if best[0] <= clustering.SIMILAR:
            return groups
        groups[best[1]] += groups.pop(best[2])


@pytest.mark.parametrize("text", [*HOSTILE, "😀", ""], ids=range(len(HOSTILE) + 2))
def test_a_hostile_text_is_a_cluster_like_any_other(text: str):
    found = build_clusters([text, "a table please", text])
    assert sorted(at for cluster in found for places in cluster for at in places) == [0, 1, 2]


def test_no_messages_are_no_clusters():
    assert build_clusters([]) == []


def test_the_most_messages_there_are_take_two_seconds_of_processor_at_most():
    chance = random.Random(1)
    base = list_background()
    texts = [misspell(f"{chance.choice(base)} {chance.choice(base)}", chance) for _ in range(MOST_MESSAGES)]
    started = time.thread_time()
    found = build_clusters(texts)
    # A second on a machine that has nothing else to do.
    assert time.thread_time() - started < 2
    assert sum(len(places) for cluster in found for places in cluster) == MOST_MESSAGES
