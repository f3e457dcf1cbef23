"""Names suggested for new intents: of the words the messages share, and always ones an intent may have."""

import re

import pytest

from app.brains.nlu.learning.intent_names import suggest_name
from tests.brains.nlu.test_normalise import HOSTILE


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (
            ["do you repair bicycles", "can you repair a bicycle", "repair my bicycles please"],
            "repair_bicycles",
        ),
        (["¿Cuánto cuesta el envío?", "el envío a Perú"], "envio"),
        (["parrot", "ship"], "parrot"),
        (["a parrot ship"], "parrot_ship"),
        (["where are you"], "intent"),
        (["我要退款"], "intent"),
        ([], "intent"),
    ],
)
def test_a_name_is_made_of_the_words_that_most_of_the_messages_have(texts: list[str], name: str):
    assert suggest_name(texts) == name


def test_a_name_that_is_taken_is_numbered():
    assert suggest_name(["parrot"], {"parrot", "parrot_2"}) == "parrot_3"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_gives_a_name_that_an_intent_may_have(text: str):
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,59}", suggest_name([text, text]))
