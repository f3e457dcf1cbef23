"""Throttle of guesses: strangers are slowed by account and by address, and cannot slow who has signed in before."""

import threading
from collections.abc import Callable

import pytest

from app.accounts import known_origins, throttle
from app.accounts.known_origins import Origin
from app.accounts.throttle import (
    ACCOUNT_BUDGET,
    ADDRESS_BUDGET,
    FORGET_MS,
    KNOWN_BUDGET,
    Admission,
    Attempt,
    Step,
    Throttle,
)
from app.db.writer import Database

NOW = 1_780_000_000_000
EMAIL = "ada@example.com"
STRANGER, HOME = Origin("203.0.113.7", ""), Origin("198.51.100.4", "laptop")


@pytest.fixture
def ada(database: Database, add_person: Callable[..., int]) -> int:
    """A person who has signed in at home."""
    user_id = add_person("ada")
    database.write(lambda s: known_origins.remember(s, user_id, HOME, NOW))
    return user_id


def guess(  # noqa: PLR0913  an attempt is made of these
    database: Database,
    origin: Origin = STRANGER,
    *,
    email: str = EMAIL,
    user_id: int | None = 1,
    now: int = NOW,
    step: Step = Step.PASSWORD,
) -> Admission:
    attempt = Attempt(step, email, user_id, origin)
    return database.write(lambda s: throttle.admit(s, attempt, now))


def exhaust(database: Database, origin: Origin, budget_free: int, **more: int) -> None:
    for _ in range(budget_free):
        assert not guess(database, origin, **more).blocked_until


def test_failures_are_free_at_first_and_then_cost_more_each_time_up_to_a_cap():
    delays = [throttle.compute_delay(n, ACCOUNT_BUDGET) for n in range(1, 14)]
    assert delays[:4] == [0, 0, 0, 0]
    assert delays[4:8] == [30_000, 60_000, 120_000, 240_000]
    assert delays[-1] == throttle.compute_delay(10**9, ACCOUNT_BUDGET) == ACCOUNT_BUDGET.cap_ms


def test_an_account_is_held_up_from_everywhere_new(database: Database, ada: int):
    assert ada
    for n in range(ACCOUNT_BUDGET.free):
        assert not guess(database, Origin(f"203.0.113.{n}", "")).blocked_until
    refused = guess(database, Origin("203.0.113.99", ""))
    assert refused.blocked_until == NOW + ACCOUNT_BUDGET.delay_ms
    later = refused.blocked_until
    assert not guess(database, Origin("203.0.113.99", ""), now=later).blocked_until
    assert guess(database, Origin("203.0.113.99", ""), now=later).blocked_until == later + 60_000


@pytest.mark.parametrize("origin", [HOME, Origin("192.0.2.1", "laptop"), Origin("198.51.100.4", "")])
def test_who_has_signed_in_before_is_not_held_up_by_strangers(database: Database, ada: int, origin: Origin):
    assert ada
    exhaust(database, STRANGER, ACCOUNT_BUDGET.free)
    assert guess(database, STRANGER).blocked_until
    assert not guess(database, origin).blocked_until


def test_a_known_device_is_not_held_up_by_strangers_at_its_own_address(database: Database, ada: int):
    assert ada
    neighbour = Origin(HOME.network, "")
    exhaust(database, neighbour, KNOWN_BUDGET.free)
    assert guess(database, neighbour).blocked_until
    assert not guess(database, HOME).blocked_until


def test_a_known_device_may_not_guess_without_end_either(database: Database, ada: int):
    assert ada
    exhaust(database, HOME, KNOWN_BUDGET.free)
    assert guess(database, HOME).blocked_until == NOW + KNOWN_BUDGET.delay_ms


def test_a_device_known_of_one_account_is_a_stranger_to_another(
    database: Database, ada: int, add_person: Callable[..., int]
):
    assert ada
    ben = add_person("ben")
    for n in range(ACCOUNT_BUDGET.free):
        guess(database, Origin(f"203.0.113.{n}", ""), email="ben@example.com", user_id=ben)
    assert guess(database, HOME, email="ben@example.com", user_id=ben).blocked_until


def test_an_address_is_held_up_whatever_account_it_tries(database: Database):
    for n in range(ADDRESS_BUDGET.free):
        assert not guess(database, email=f"{n}@example.com", user_id=None).blocked_until
    assert guess(database, email="more@example.com", user_id=None).blocked_until
    assert not guess(
        database, Origin("203.0.113.8", ""), email="more@example.com", user_id=None
    ).blocked_until


def test_an_unknown_account_is_held_up_as_a_known_one_is(database: Database, ada: int):
    answers = []
    for email, user_id in ((EMAIL, ada), ("nobody@example.com", None)):
        origins = [Origin(f"203.0.113.{n}", "") for n in range(ACCOUNT_BUDGET.free + 1)]
        answers.append(
            [guess(database, each, email=email, user_id=user_id).blocked_until for each in origins]
        )
    assert answers[0] == answers[1]


def test_a_success_takes_back_its_own_failures_and_no_others(database: Database, ada: int):
    assert ada
    for n in range(ADDRESS_BUDGET.free - 1):
        guess(database, email=f"{n}@example.com", user_id=None)
    right = guess(database)
    assert not right.blocked_until
    database.write(lambda s: throttle.forgive(s, right))
    # Whoever has an account of their own gains no guesses at others by signing in.
    assert not guess(database, email="x@example.com", user_id=None).blocked_until
    assert guess(database, email="y@example.com", user_id=None).blocked_until


def test_codes_and_passwords_are_counted_apart(database: Database, ada: int):
    assert ada
    exhaust(database, STRANGER, ACCOUNT_BUDGET.free)
    assert not guess(database, STRANGER, step=Step.CODE).blocked_until
    for n in range(ACCOUNT_BUDGET.free):
        guess(database, Origin(f"192.0.2.{n}", ""), step=Step.CODE)
    assert guess(database, Origin("192.0.2.99", ""), step=Step.CODE).blocked_until
    assert not guess(database, HOME, step=Step.CODE).blocked_until


def test_of_many_guesses_at_once_only_as_many_are_looked_at_as_are_free(database: Database, ada: int):
    assert ada
    results: list[int] = []

    def try_once() -> None:
        results.append(guess(database).blocked_until)

    threads = [threading.Thread(target=try_once) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results.count(0) == ACCOUNT_BUDGET.free


def test_failures_are_forgotten_and_a_flood_is_cut(database: Database, monkeypatch: pytest.MonkeyPatch):
    exhaust(database, STRANGER, ACCOUNT_BUDGET.free)
    assert not guess(database, now=NOW + FORGET_MS).blocked_until
    assert not guess(database, now=NOW + FORGET_MS).blocked_until
    monkeypatch.setattr(throttle, "MAX_ROWS", 3)
    for n in range(4):
        guess(
            database,
            Origin(f"203.0.113.{n}", ""),
            email=f"{n}@x.example",
            user_id=None,
            now=NOW + FORGET_MS + n,
        )
    database.write(lambda s: throttle.prune(s, NOW + FORGET_MS + 9))
    with database.read() as session:
        assert session.query(Throttle).count() <= 3
    database.write(lambda s: throttle.prune(s, NOW + 3 * FORGET_MS))
    with database.read() as session:
        assert session.query(Throttle).count() == 0


def test_what_was_typed_is_not_in_the_database(database: Database):
    guess(database, email="my password by mistake", user_id=None)
    with database.read() as session:
        assert all(len(row.bucket) == 64 for row in session.query(Throttle))
