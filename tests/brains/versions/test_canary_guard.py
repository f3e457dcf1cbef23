import math
import random

import pytest

from app.brains.versions.canary_guard import Guard, RolloutStats, VariantStats, compute_log_odds
from app.brains.versions.routing import CANDIDATE


def test_rollout_stats_survive_being_stored():
    tally = RolloutStats(kinds={"same": 3})
    for micros in (0, 1, 950, 1_000_000):
        tally.get_variant(CANDIDATE).add(failed=micros == 950, micros=micros)
    again = RolloutStats.from_data(tally.to_data())
    assert again == tally
    assert (again.candidate.runs, again.candidate.failed, again.base.failure_rate) == (4, 1, 0.0)
    assert VariantStats().compute_percentile(95) == 0


def test_a_percentile_is_right_within_a_fifth():
    rng = random.Random(5)
    arm, values = VariantStats(), [int(rng.lognormvariate(8, 1)) + 1 for _ in range(5_000)]
    for value in values:
        arm.add(failed=False, micros=value)
    for percent in (50, 95):
        true = sorted(values)[len(values) * percent // 100]
        assert true * 0.9 < arm.compute_percentile(percent) < true * 1.2


def simulate_rollout(
    rng: random.Random, rates: tuple[float, float], percent: int, runs: int
) -> tuple[str, int]:
    """Run a canary on made-up failures, judged after every run, until so many runs of the candidate."""
    tally, guard = RolloutStats(), Guard()
    while tally.candidate.runs < runs:
        chosen = rng.random() * 100 < percent
        arm = tally.candidate if chosen else tally.base
        arm.add(failed=rng.random() < rates[chosen], micros=1_000)
        if chosen and (reason := guard.find_regression(tally)):
            return reason, tally.candidate.runs
    return "", runs


def test_a_healthy_canary_is_not_taken_back_over_two_thousand_runs():
    rng, reverted, trials = random.Random(11), 0, 0
    for rate in (0.0, 0.01, 0.05, 0.2):
        for _ in range(15):
            trials += 1
            reverted += bool(simulate_rollout(rng, (rate, rate), 50, 2_000)[0])
    print(f"\n{reverted} of {trials} canaries as good as the base were taken back in 2,000 runs each")
    assert reverted == 0


@pytest.mark.parametrize(("rates", "most"), [((0.0, 1.0), 25), ((0.0, 0.2), 110), ((0.05, 0.25), 220)])
def test_a_bad_canary_is_taken_back_soon(rates: tuple[float, float], most: int):
    rng = random.Random(3)
    found = [simulate_rollout(rng, rates, 10, 2_000) for _ in range(40)]
    lasted = sorted(runs for _, runs in found)
    print(
        f"\n{rates[1]:.0%} failing beside {rates[0]:.0%}: {lasted[20]} runs at the median, {lasted[-1]} at most"
    )
    assert all(reason for reason, _ in found)
    assert lasted[-1] <= most


def test_evidence_is_nothing_without_a_possible_rate():
    assert compute_log_odds(5, 10, 1.0) == -math.inf
    assert compute_log_odds(0, 100, 0.02) < 0


def test_a_candidate_that_is_much_slower_is_taken_back_and_one_nobody_notices_is_not():
    def slower(base: int, candidate: int, guard: Guard) -> str:
        tally = RolloutStats()
        for _ in range(60):
            tally.base.add(failed=False, micros=base)
            tally.candidate.add(failed=False, micros=candidate)
        return guard.find_regression(tally)

    assert "took longer than" in slower(100_000, 500_000, Guard())
    assert slower(100_000, 200_000, Guard()) == ""
    assert slower(1_000, 50_000, Guard()) == ""
    assert slower(100_000, 500_000, Guard(slower=0)) == ""
