"""Links to another password: one use, one hour, and everybody else signed out."""

from collections.abc import Callable

import pytest

from app.accounts import password_resets, sessions
from app.accounts.one_time_links import LinkError
from app.accounts.password_resets import LIFETIME_MS
from app.accounts.roles import Role
from app.accounts.users import AccountError
from app.db.writer import Database


@pytest.fixture
def ids(add_person: Callable[..., int]) -> tuple[int, int]:
    return add_person("owner"), add_person("agent", Role.AGENT)


def test_a_link_sets_the_password_once_and_ends_all_sessions(database: Database, ids: tuple[int, int]):
    owner, agent = ids
    database.write(lambda s: sessions.begin(s, agent, "token", ("", ""), 5))
    database.write(lambda s: password_resets.issue(s, owner, agent, "link", 5))
    user = database.write(lambda s: password_resets.redeem(s, "link", "another hash", 6))
    assert (user.id, user.password_hash) == (agent, "another hash")
    with database.read() as session:
        assert sessions.find(session, "token", 7) is None
    with pytest.raises(LinkError):
        database.write(lambda s: password_resets.redeem(s, "link", "a third hash", 7))


def test_a_link_runs_out_after_an_hour(database: Database, ids: tuple[int, int]):
    owner, agent = ids
    database.write(lambda s: password_resets.issue(s, owner, agent, "link", 5))
    with database.read() as session:
        assert password_resets.find_subject(session, "link", 4 + LIFETIME_MS).id == agent
        with pytest.raises(LinkError):
            password_resets.find_subject(session, "link", 5 + LIFETIME_MS)


def test_a_second_link_ends_the_first(database: Database, ids: tuple[int, int]):
    owner, agent = ids
    for token in ("first", "second"):
        database.write(lambda s, token=token: password_resets.issue(s, owner, agent, token, 5))
    with pytest.raises(LinkError):
        database.write(lambda s: password_resets.redeem(s, "first", "hash", 6))
    database.write(lambda s: password_resets.redeem(s, "second", "hash", 6))


def test_only_an_owner_or_the_command_line_makes_links(database: Database, ids: tuple[int, int]):
    owner, agent = ids
    with pytest.raises(AccountError, match="no owner"):
        database.write(lambda s: password_resets.issue(s, agent, owner, "link", 5))
    database.write(lambda s: password_resets.issue(s, None, owner, "link", 5))
