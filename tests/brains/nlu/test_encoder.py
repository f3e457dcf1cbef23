"""The encoder process: vectors of unit length, hostile texts, death, and what is said where it is missing."""

import os
import signal
import time
from pathlib import Path

import pytest

from app.brains import limits
from app.brains.nlu.encoder import DIMENSIONS, Encoder, is_installed
from app.brains.nlu.normalise import normalise
from tests.brains.nlu.test_normalise import HOSTILE

NAME = "use-multilingual"
needs_encoder = pytest.mark.skipif(
    not is_installed(NAME) and not os.environ.get("CI"), reason="`make encoders` installs it"
)


@pytest.fixture(scope="module")
def encoder():
    made = Encoder(NAME)
    yield made
    made.close()


def read_peak_bytes(process_id: int) -> int:
    """Return the most memory a process has had."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@needs_encoder
def test_sentences_of_one_meaning_are_near_in_many_languages(encoder: Encoder):
    vectors = encoder.encode(["where is my order", "dónde está mi pedido", "the cat sleeps"])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors[0] @ vectors[1] > 0.7
    assert vectors[0] @ vectors[2] < 0.4


@needs_encoder
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_costs_less_than_a_second(encoder: Encoder, text: str):
    encoder.start()
    started = time.perf_counter()
    assert encoder.encode([normalise(text).sentence]) is not None
    assert time.perf_counter() - started < 1
    assert read_peak_bytes(encoder.process_id or 0) < 300_000_000


@needs_encoder
def test_a_killed_process_is_started_again_after_a_while():
    now = [0.0]
    encoder = Encoder(NAME, lambda: now[0])
    assert encoder.encode(["one"]) is not None
    os.kill(encoder.process_id or 0, signal.SIGKILL)
    while encoder.encode(["two"]) is not None:  # its end was not seen yet: a new one was started at once
        os.kill(encoder.process_id or 0, signal.SIGKILL)
    assert encoder.encode(["three"]) is None
    now[0] += limits.ENCODER_REST_SECONDS
    assert encoder.encode(["four"]) is not None
    encoder.close()


def test_an_encoder_nobody_has_answers_nothing():
    assert Encoder("no-such").encode(["one"]) is None
    assert not Encoder("no-such").start()
