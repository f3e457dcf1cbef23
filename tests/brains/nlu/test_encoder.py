"""The encoder process: vectors of unit length, hostile texts, death, and what is said where it is missing."""

import os
import signal
import time
from contextlib import closing
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
    with closing(Encoder(NAME)) as made:
        wait_until_ready(made)
        yield made


def wait_until_ready(encoder: Encoder) -> bool:
    """Wait for a start that is under way, or begin one; tell whether the encoder is ready."""
    for _ in range(400):
        if encoder.start():
            return True
        time.sleep(0.05)
    return False


def read_peak_bytes(process_id: int) -> int:
    """Return the most memory a process has had."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@needs_encoder
def test_sentences_of_one_meaning_are_near_in_many_languages(encoder: Encoder):
    vectors = encoder.encode(["where is my order", "dónde está mi pedido", "the cat sleeps"])
    assert vectors is not None
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
    with closing(Encoder(NAME, lambda: now[0])) as encoder:
        assert encoder.start()
        os.kill(encoder.process_id or 0, signal.SIGKILL)
        while (
            encoder.encode(["one"]) is not None or encoder.process_id
        ):  # its end was seen: a new one was started
            assert wait_until_ready(encoder)
            os.kill(encoder.process_id or 0, signal.SIGKILL)
        assert not encoder.start()
        now[0] += limits.ENCODER_REST_SECONDS
        assert encoder.start()


@needs_encoder
def test_a_start_holds_up_one_caller_only_and_goes_on_by_itself():
    with closing(Encoder(NAME)) as encoder:
        assert not encoder.start(0.0)
        process_id = encoder.process_id
        os.kill(process_id or 0, signal.SIGSTOP)
        started = time.perf_counter()
        assert encoder.encode(["one"]) is None
        assert time.perf_counter() - started < limits.ENCODER_START_SECONDS
        os.kill(process_id or 0, signal.SIGCONT)
        assert wait_until_ready(encoder)
        assert encoder.process_id == process_id


@needs_encoder
def test_a_start_that_takes_too_long_is_given_up():
    now = [0.0]
    with closing(Encoder(NAME, lambda: now[0])) as encoder:
        assert not encoder.start(0.0)
        os.kill(encoder.process_id or 0, signal.SIGSTOP)
        now[0] += limits.BOOT_SECONDS
        assert not encoder.start()
        assert encoder.process_id is None
        assert not encoder.start()  # it rests
        assert encoder.process_id is None


def test_an_encoder_nobody_has_answers_nothing():
    assert Encoder("no-such").encode(["one"]) is None
    assert not Encoder("no-such").start()
