"""Clusters as they are shown: the largest first, the likeliest intents of the draft, texts for who may read chats."""

from app.admin.learning.cluster_view import HIDDEN_TEXT, build_cards
from app.bot.learning.misunderstood import MisunderstoodMessage, Reason

DRAFT = {"settings": {"encoder": "none"}, "intents": [{"name": "refund", "examples": ["refund"]}]}


def build_message(number: int, text: str, uncertainty: float = 0.0) -> MisunderstoodMessage:
    candidates = (("refund", 0.4), ("gone", 0.3))
    return MisunderstoodMessage(
        number, 7, text, number, Reason.UNKNOWN, candidates, uncertainty, "en",
        is_simulated=number % 2 == 0,
    )  # fmt: skip


MESSAGES = [
    build_message(1, "parrots sing at night", 0.1),
    build_message(2, "do you repair bicycles", 0.9),
    build_message(3, "Parrots sing, at night!", 0.1),
    build_message(4, "parrots sing"),
    build_message(5, "a table for two people", 0.2),
]


def test_the_largest_cluster_comes_first_and_of_one_size_the_least_certain():
    cards = build_cards(MESSAGES, DRAFT, may_read=True)
    assert [card.count for card in cards] == [3, 1, 1]
    assert [card.rows[0].text for card in cards] == [
        "Parrots sing, at night!",
        "do you repair bicycles",
        "a table for two people",
    ]
    first = cards[0]
    assert [(row.count, row.value, row.is_simulated) for row in first.rows] == [
        (2, "1,3", False),
        (1, "4", True),
    ]
    assert (first.key, first.languages, first.likely) == ("1", ["en"], [("refund", 0.4)])
    assert first.suggested_name == "parrots_sing"
    assert first.reasons[0][0] == "No intent"


def test_texts_are_hidden_from_who_may_not_read_chats():
    cards = build_cards(MESSAGES, DRAFT, may_read=False)
    assert {row.text for card in cards for row in card.rows} == {HIDDEN_TEXT}
    assert {card.suggested_name for card in cards} == {"intent"}
    assert [card.count for card in cards] == [3, 1, 1]
