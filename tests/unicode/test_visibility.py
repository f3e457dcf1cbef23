"""Names of strangers: whether anything can be seen of them, and no marks that rule the page."""

import pytest

from app.unicode import clean_name, has_visible_character, strip_direction_marks


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "\u3164",
        "\u200b\u200d",
        "\u2800",
        "\u00ad \ufeff",
        "\u0301",
        "\u202e",
        "\U000e0041",
        "\uffa0\u115f",
    ],
)
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str):
    assert not has_visible_character(name)
    assert clean_name(name) == ""


@pytest.mark.parametrize("name", ["Ada", "李", "🦊", "هند", "हिन्दी", ".", "❤️"])
def test_any_sign_makes_a_name(name: str):
    assert clean_name(name) == name


def test_marks_of_direction_are_left_out():
    assert strip_direction_marks("invoice\u202efdp.exe") == "invoicefdp.exe"
    assert clean_name("\u2067Ada\u2069") == "Ada"
