"""The rules of a rollout: who gets the candidate, and when the evidence is enough to take it back."""

import subprocess
import sys

import pytest

from app.brains.versions.routing import (
    BASE,
    CANDIDATE,
    VersionChoice,
    VersionOffer,
    VersionPin,
    choose_version,
    compute_position,
)

OFFER = VersionOffer(1, live=10, candidate=11, percent=10, rollout_id=7, epoch=3)


def test_a_tenth_of_the_chats_is_a_tenth_whatever_the_rollout():
    for rollout_id in range(1, 6):
        share = sum(compute_position(rollout_id, chat) < 1_000 for chat in range(1, 20_001)) / 20_000
        assert abs(share - 0.1) < 0.0064  # three standard errors


def test_a_place_is_the_same_in_another_process():
    code = "from app.brains.versions.routing import compute_position as place; print([place(3, n) for n in range(50)])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str([compute_position(3, n) for n in range(50)])


def test_another_rollout_takes_other_chats():
    first, second = ({n for n in range(5_000) if compute_position(r, n) < 1_000} for r in (1, 2))
    assert len(first & second) < 120


def test_whoever_is_in_stays_in_when_the_part_grows():
    for chat in range(500):
        small, large = (
            choose_version(VersionOffer(1, 10, 11, part, 7, 0), VersionPin(), chat, 0) for part in (10, 50)
        )
        assert (small.variant, large.variant) != (CANDIDATE, BASE)


@pytest.mark.parametrize(
    ("offer", "pin", "expected"),
    [
        (VersionOffer(1), VersionPin(9, 1, 0, 99), VersionChoice()),
        (VersionOffer(1, live=10), VersionPin(), VersionChoice(10)),
        (VersionOffer(1, live=10), VersionPin(9, 1, 0, 99), VersionChoice(9, "session")),
        (VersionOffer(1, live=10), VersionPin(9, 1, 0, 50), VersionChoice(10)),
        (VersionOffer(1, live=10), VersionPin(9, 2, 0, 99), VersionChoice(10)),
        (VersionOffer(1, live=10, epoch=1), VersionPin(9, 1, 0, 99), VersionChoice(10, epoch=1)),
        (VersionOffer(1, live=10), VersionPin(10, 1, 0, 99), VersionChoice(10)),
        (OFFER, VersionPin(9, 1, 3, 99), VersionChoice(9, "session", "", 7, 3)),
        (OFFER, VersionPin(10, 1, 3, 99), VersionChoice(10, "", BASE, 7, 3)),
    ],
)
def test_a_conversation_finishes_on_its_version_unless_that_is_void(
    offer: VersionOffer, pin: VersionPin, expected: VersionChoice
):
    assert choose_version(offer, pin, 1, 50) == expected
