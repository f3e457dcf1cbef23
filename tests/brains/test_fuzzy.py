"""Finding by a few letters: what fits best comes first, and nothing that does not fit comes at all."""

import pytest

from app.brains.fuzzy import SearchText, find_best, normalise

THINGS = [
    (SearchText.from_text(name, words, place), name)
    for name, words, place in (
        ("Opening hours", ("open", "when"), "Shop"),
        ("Order status", ("where is my order", "track"), "Shop"),
        ("Reorder", (), "Support desk"),
        ("Café menu", ("menu", "meny"), "Support desk"),
        ("Tests", (), "Support desk"),
    )
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("order", ["Order status", "Reorder"]),  # the start before the inside
        ("hours", ["Opening hours"]),  # the start of a word
        ("track", ["Order status"]),  # by another word
        ("my order", ["Order status"]),
        ("CAFE", ["Café menu"]),  # capitals and accents make no difference
        ("support tests", ["Tests"]),  # the name and where it belongs
        ("shop", []),  # where it belongs alone is no find
        ("ordstat", ["Order status"]),  # letters in their order, the last resort
        ("zz", []),
    ],
)
def test_what_fits_best_comes_first(query: str, found: list[str]):
    assert [hit.item for hit in find_best(THINGS, query, 8)] == found


def test_without_letters_everything_stands_in_its_order():
    assert [hit.item for hit in find_best(THINGS, "  ", 2)] == ["Opening hours", "Order status"]


def test_of_equals_the_shorter_and_then_the_earlier_comes_first():
    names = ["menu of the day", "menu card", "menu desk"]
    found = find_best([(SearchText.from_text(name), name) for name in names], "menu", 8)
    assert [hit.item for hit in found] == ["menu card", "menu desk", "menu of the day"]


def test_no_more_than_asked_for():
    assert len(find_best([(SearchText.from_text(f"Echo {n}"), n) for n in range(500)], "echo", 8)) == 8


@pytest.mark.parametrize("query", ["(", "[a", "\\", "a|b", ".*", "^", "é("])
def test_letters_mean_themselves(query: str):
    assert find_best(THINGS, query, 8) == []


def test_texts_are_compared_without_capitals_accents_and_doubled_blanks():
    assert normalise("  ÀÉ  Straße ") == "ae strasse"
