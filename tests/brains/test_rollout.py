"""The rules of a rollout: who gets the candidate, and when the evidence is enough to take it back."""

import math
import random
import subprocess
import sys

import pytest

from app.brains.effects import (
    Button,
    Cancel,
    Cool,
    Effect,
    Forget,
    Handoff,
    Increment,
    Media,
    Menu,
    React,
    Remember,
    Reply,
    Row,
    Schedule,
    Section,
    listed,
    restored,
)
from app.brains.rollout import (
    BASE,
    CANDIDATE,
    Arm,
    Course,
    Guard,
    Offer,
    Pin,
    Tally,
    course,
    evidence,
    place,
)

OFFER = Offer(1, live=10, candidate=11, percent=10, rollout_id=7, epoch=3)


def test_a_tenth_of_the_chats_is_a_tenth_whatever_the_rollout():
    for rollout_id in range(1, 6):
        share = sum(place(rollout_id, chat) < 1_000 for chat in range(1, 20_001)) / 20_000
        assert abs(share - 0.1) < 0.0064  # three standard errors


def test_a_place_is_the_same_in_another_process():
    code = "from app.brains.rollout import place; print([place(3, n) for n in range(50)])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str([place(3, n) for n in range(50)])


def test_another_rollout_takes_other_chats():
    first, second = ({n for n in range(5_000) if place(r, n) < 1_000} for r in (1, 2))
    assert len(first & second) < 120


def test_whoever_is_in_stays_in_when_the_part_grows():
    for chat in range(500):
        small, large = (course(Offer(1, 10, 11, part, 7, 0), Pin(), chat, 0) for part in (10, 50))
        assert (small.arm, large.arm) != (CANDIDATE, BASE)


@pytest.mark.parametrize(
    ("offer", "pin", "expected"),
    [
        (Offer(1), Pin(9, 1, 0, 99), Course()),
        (Offer(1, live=10), Pin(), Course(10)),
        (Offer(1, live=10), Pin(9, 1, 0, 99), Course(9, "session")),
        (Offer(1, live=10), Pin(9, 1, 0, 50), Course(10)),
        (Offer(1, live=10), Pin(9, 2, 0, 99), Course(10)),
        (Offer(1, live=10, epoch=1), Pin(9, 1, 0, 99), Course(10, epoch=1)),
        (Offer(1, live=10), Pin(10, 1, 0, 99), Course(10)),
        (OFFER, Pin(9, 1, 3, 99), Course(9, "session", "", 7, 3)),
        (OFFER, Pin(10, 1, 3, 99), Course(10, "", BASE, 7, 3)),
    ],
)
def test_a_conversation_finishes_on_its_version_unless_that_is_void(offer: Offer, pin: Pin, expected: Course):
    assert course(offer, pin, 1, 50) == expected


def test_a_tally_survives_being_written_down():
    tally = Tally(kinds={"same": 3})
    for micros in (0, 1, 950, 1_000_000):
        tally.arm(CANDIDATE).add(failed=micros == 950, micros=micros)
    again = Tally.of(tally.data())
    assert again == tally
    assert (again.candidate.runs, again.candidate.failed, again.base.failing) == (4, 1, 0.0)
    assert Arm().percentile(95) == 0


def test_a_percentile_is_right_within_a_fifth():
    rng = random.Random(5)
    arm, values = Arm(), [int(rng.lognormvariate(8, 1)) + 1 for _ in range(5_000)]
    for value in values:
        arm.add(failed=False, micros=value)
    for percent in (50, 95):
        true = sorted(values)[len(values) * percent // 100]
        assert true * 0.9 < arm.percentile(percent) < true * 1.2


def rollout_of(rng: random.Random, rates: tuple[float, float], percent: int, runs: int) -> tuple[str, int]:
    """Run a canary on made-up failures, judged after every run, until so many runs of the candidate."""
    tally, guard = Tally(), Guard()
    while tally.candidate.runs < runs:
        chosen = rng.random() * 100 < percent
        arm = tally.candidate if chosen else tally.base
        arm.add(failed=rng.random() < rates[chosen], micros=1_000)
        if chosen and (reason := guard.verdict(tally)):
            return reason, tally.candidate.runs
    return "", runs


def test_a_healthy_canary_is_not_taken_back_over_two_thousand_runs():
    rng, reverted, trials = random.Random(11), 0, 0
    for rate in (0.0, 0.01, 0.05, 0.2):
        for _ in range(15):
            trials += 1
            reverted += bool(rollout_of(rng, (rate, rate), 50, 2_000)[0])
    print(f"\n{reverted} of {trials} canaries as good as the base were taken back in 2,000 runs each")
    assert reverted == 0


@pytest.mark.parametrize(("rates", "most"), [((0.0, 1.0), 25), ((0.0, 0.2), 110), ((0.05, 0.25), 220)])
def test_a_bad_canary_is_taken_back_soon(rates: tuple[float, float], most: int):
    rng = random.Random(3)
    found = [rollout_of(rng, rates, 10, 2_000) for _ in range(40)]
    lasted = sorted(runs for _, runs in found)
    print(
        f"\n{rates[1]:.0%} failing beside {rates[0]:.0%}: {lasted[20]} runs at the median, {lasted[-1]} at most"
    )
    assert all(reason for reason, _ in found)
    assert lasted[-1] <= most


def test_evidence_is_nothing_without_a_possible_rate():
    assert evidence(5, 10, 1.0) == -math.inf
    assert evidence(0, 100, 0.02) < 0


def test_a_candidate_that_is_much_slower_is_taken_back_and_one_nobody_notices_is_not():
    def slower(base: int, candidate: int, guard: Guard) -> str:
        tally = Tally()
        for _ in range(60):
            tally.base.add(failed=False, micros=base)
            tally.candidate.add(failed=False, micros=candidate)
        return guard.verdict(tally)

    assert "took longer than" in slower(100_000, 500_000, Guard())
    assert slower(100_000, 200_000, Guard()) == ""
    assert slower(1_000, 50_000, Guard()) == ""
    assert slower(100_000, 500_000, Guard(slower=0)) == ""


@pytest.mark.parametrize(
    "effect",
    [
        Reply("a", (Button("1", "One"),), quote=True, header="h", footer="f"),
        Reply("a", menu=Menu("Pick", (Section("S", (Row("1", "One", "first"),)),))),
        Media("image", "https://x.example/a.png", "A cat"),
        React("👍"),
        Remember("contact", "k", ["Button", 1, {"a": None}], 60),
        Increment("brain", "n", 2.5),
        Forget("contact", "k"),
        Schedule("c1", 5, {"a": 1}, "later"),
        Cancel("later"),
        Handoff("why"),
        Cool("c1", "contact:1", 9),
    ],
)
def test_an_effect_written_as_data_comes_back(effect: Effect):
    assert restored(listed((effect,))[0]) == effect
