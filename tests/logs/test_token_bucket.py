"""Token bucket: a burst, then the rate; a refusal takes nothing and says how long to wait."""

import pytest

from app.logs.token_bucket import BURST_S, TokenBucket


def test_a_burst_goes_through_and_then_the_rate():
    now = [0.0]
    bucket = TokenBucket(10, lambda: now[0])
    assert bucket.take(10 * BURST_S) == 0
    assert bucket.take(5) == pytest.approx(0.5)
    now[0] += 0.5
    assert bucket.take(5) == 0


def test_more_than_a_burst_is_not_refused_for_ever():
    now = [0.0]
    bucket = TokenBucket(1, lambda: now[0])
    assert bucket.take(1000) == 0
    assert bucket.take(1) > 0
