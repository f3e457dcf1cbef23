"""What a model reads of a message is bounded and the same on every machine, whatever comes."""

import random
import time

import pytest

from app.brains.nlu.normalise import MAX_CHARS, build_key, clean, normalise

HOSTILE = [
    "\ufdfa" * 10_000,
    "x" * 1_000_000,
    "a b " * 250_000,
    "\0" * 1_000,
    "\ud800" * 1_000,
    "a\u0301" * 100_000,
    "\u0301" * 100_000,
    "\U0001f469\u200d" * 50_000,
    "http://" + "a" * 100_000,
    "@." * 100_000,
    "".join(map(chr, range(0x20, 0x3000))),
    "\u202e" * 5_000,
    "",
    " \t\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_is_too_much(text: str):
    started = time.perf_counter()
    read = normalise(text)
    assert time.perf_counter() - started < 0.2
    assert len(clean(text)) <= MAX_CHARS
    assert len(read.sentence) <= MAX_CHARS
    assert len(read.words) <= 2 * MAX_CHARS
    read.sentence.encode()
    assert "\0" not in read.sentence


def test_ten_thousand_random_strings_are_read():
    chance = random.Random(1)
    for _ in range(10_000):
        text = "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(40)))
        normalise(text).sentence.encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is ORDER 4711?", ("where", "is", "order", "0")),
        ("helloooo", ("helloo",)),
        ("Dónde está", ("donde", "esta")),
        ("see https://example.com/a?b or ann@example.com", ("see", "url", "or", "mail")),
        ("मेरा ऑर्डर", ("मेरा", "ऑर्डर")),
        ("我的订单", ("我的", "的订", "订单", "单")),
        ("ok 👍", ("ok", "👍")),
    ],
)
def test_words_are_cut_in_every_script(text: str, words: tuple[str, ...]):
    assert normalise(text).words == words


def test_an_encoder_gets_accents_and_numbers_but_no_capitals():
    assert normalise("¿Dónde está EL 4711?").sentence == "¿dónde está el 4711?"


def test_the_key_of_a_text_is_its_words():
    assert build_key("  Where is my order?! ") == build_key("where is MY order")
    assert build_key("?!") == ""
