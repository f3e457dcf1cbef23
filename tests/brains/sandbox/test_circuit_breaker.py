from app.brains import limits
from app.brains.sandbox.circuit_breaker import PARTY, SOURCE, CircuitBreaker


def test_the_breaker_closes_again_after_its_pause():
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for _ in range(limits.BREAKER_CRASHES):
        assert not breaker.is_open("a")
        breaker.note_death("a")
        now[0] += 0.1
    assert breaker.is_open("a")
    assert not breaker.is_open("b")
    now[0] += limits.BREAKER_OPEN_SECONDS
    assert not breaker.is_open("a")


def test_slow_deaths_open_no_breaker():
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for _ in range(limits.BREAKER_CRASHES * 3):
        breaker.note_death("a")
        now[0] += limits.BREAKER_WINDOW_SECONDS
    assert not breaker.is_open("a")


def test_one_person_is_held_and_nobody_else():
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for _ in range(limits.BREAKER_CRASHES * 10):
        breaker.note_death("brain", "anna", "slow")
    assert breaker.find_open("brain", "anna", "slow") == PARTY
    assert breaker.find_open("brain", "anna", "other") == PARTY
    assert breaker.find_open("brain", "ben", "slow") == ""
    assert breaker.find_open("brain", "ben", "other") == ""
    assert breaker.find_open("another brain", "anna", "slow") == ""


def test_a_source_that_breaks_for_many_people_is_held_alone():
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for number in range(limits.BREAKER_CRASHES):
        breaker.note_death("brain", f"person {number}", "slow")
    assert breaker.find_open("brain", "ben", "slow") == SOURCE
    assert breaker.find_open("brain", "person 1", "other") == ""
    now[0] += limits.BREAKER_OPEN_SECONDS
    assert breaker.find_open("brain", "ben", "slow") == ""


def test_a_person_stays_suspect_for_a_while_after_a_loss():
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    breaker.note_death("brain", "anna")
    assert breaker.is_suspect("brain", "anna")
    assert not breaker.is_suspect("brain", "ben")
    now[0] += limits.BREAKER_SUSPECT_SECONDS + 1
    assert not breaker.is_suspect("brain", "anna")


def test_the_breaker_forgets_what_is_long_past():
    breaker = CircuitBreaker(lambda: 0.0)
    for number in range(20_000):
        breaker.note_death("brain", f"person {number}")
    assert not breaker.is_suspect("brain", "person 1")
    assert breaker.is_suspect("brain", "person 19999")
