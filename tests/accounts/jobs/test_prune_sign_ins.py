"""What no longer counts of sign-ins is deleted, and what still counts stays."""

from collections.abc import Callable
from typing import Any

from app.accounts import known_origins, password_resets, sessions, throttle
from app.accounts.jobs.prune_sign_ins import JOB
from app.accounts.known_origins import KnownOrigin, Origin
from app.accounts.one_time_links import OneTimeLink
from app.accounts.sessions import SignIn
from app.accounts.throttle import Attempt, Step, Throttle
from app.db.maintenance_job import JobContext
from app.db.writer import Database

NOW = 1_780_000_000_000


def count_rows(database: Database) -> list[int]:
    with database.read() as session:
        return [session.query(each).count() for each in (SignIn, OneTimeLink, KnownOrigin, Throttle)]


def test_everything_goes_when_its_time_has_come(database: Database, add_person: Callable[..., int]):
    user_id, origin = add_person("ada"), Origin("203.0.113.7", "")

    def store(session: Any) -> None:
        sessions.begin(session, user_id, "token", ("", ""), NOW)
        password_resets.issue(session, None, user_id, "link", NOW)
        throttle.admit(session, Attempt(Step.PASSWORD, "ada@example.com", user_id, origin), NOW)
        known_origins.remember(session, user_id, origin, NOW)

    database.write(store)
    JOB.run(JobContext(database, NOW + 1))
    assert count_rows(database) == [1, 1, 1, 2]
    JOB.run(JobContext(database, NOW + sessions.LIFETIME_MS))
    assert count_rows(database) == [0, 0, 1, 0]
    JOB.run(JobContext(database, NOW + known_origins.LIFETIME_MS))
    assert count_rows(database) == [0, 0, 0, 0]
