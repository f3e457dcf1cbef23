"""What owners do with the accounts of others, and the owner who always stays."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.accounts import password_resets, sessions, team
from app.accounts.one_time_links import LinkError
from app.accounts.roles import Role
from app.accounts.users import AccountError, User, UserNotFound
from app.db.writer import Database


def get_role(database: Database, user_id: int) -> str:
    with database.read() as session:
        return session.get_one(User, user_id).role


def test_an_owner_gives_another_person_another_role_and_ends_their_sessions(
    database: Database, add_person: Callable[..., int]
):
    owner, other = add_person("owner"), add_person("other", Role.EDITOR)
    database.write(lambda s: sessions.begin(s, other, "token", ("", ""), 5))
    database.write(lambda s: team.change_role(s, owner, other, Role.AGENT))
    assert get_role(database, other) == Role.AGENT
    with database.read() as session:
        assert sessions.find(session, "token", 6) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda s, actor, user: team.change_role(s, actor, user, Role.VIEWER),
        lambda s, actor, user: team.deactivate(s, actor, user, 5),
    ],
)
def test_nobody_changes_their_own_role_or_deactivates_themselves(
    database: Database, add_person: Callable[..., int], act: Callable[..., Any]
):
    owner = add_person("owner")
    add_person("second")
    with pytest.raises(AccountError, match="Ask another owner"):
        database.write(lambda s: act(s, owner, owner))


@pytest.mark.parametrize(
    "act",
    [
        lambda s, user: team.change_role(s, None, user, Role.EDITOR),
        lambda s, user: team.deactivate(s, None, user, 5),
    ],
)
def test_the_last_active_owner_stays_one(
    database: Database, add_person: Callable[..., int], act: Callable[..., Any]
):
    owner, second = add_person("owner"), add_person("second")
    database.write(lambda s: team.deactivate(s, owner, second, 5))
    with pytest.raises(AccountError, match="last active owner"):
        database.write(lambda s: act(s, owner))
    database.write(lambda s: team.reactivate(s, owner, second))
    database.write(lambda s: act(s, owner))


def test_two_owners_who_demote_each_other_at_once_leave_one(
    database: Database, add_person: Callable[..., int]
):
    one, two = add_person("one"), add_person("two")
    refused: list[AccountError] = []

    def demote(actor: int, user: int) -> None:
        try:
            database.write(lambda s: team.change_role(s, actor, user, Role.VIEWER))
        except AccountError as error:
            refused.append(error)

    threads = [threading.Thread(target=demote, args=pair) for pair in ((one, two), (two, one))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refused) == 1
    assert sorted(get_role(database, each) for each in (one, two)) == [Role.OWNER, Role.VIEWER]


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AGENT, Role.VIEWER])
def test_who_is_no_owner_changes_nobody(database: Database, add_person: Callable[..., int], role: Role):
    owner, other = add_person("owner"), add_person("other", role)
    for act in (
        lambda s: team.change_role(s, other, owner, Role.VIEWER),
        lambda s: team.deactivate(s, other, owner, 5),
        lambda s: team.reactivate(s, other, owner),
    ):
        with pytest.raises(AccountError, match="no owner"):
            database.write(act)


def test_a_deactivated_person_is_signed_out_and_their_links_open_nothing(
    database: Database, add_person: Callable[..., int]
):
    owner, other = add_person("owner"), add_person("other", Role.AGENT)
    database.write(lambda s: sessions.begin(s, other, "token", ("", ""), 5))
    database.write(lambda s: password_resets.issue(s, owner, other, "reset", 5))
    database.write(lambda s: team.deactivate(s, owner, other, 6))
    with database.read() as session:
        assert sessions.find(session, "token", 7) is None
        with pytest.raises(LinkError):
            password_resets.find_subject(session, "reset", 7)


def test_the_list_tells_who_was_seen_and_puts_the_deactivated_last(
    database: Database, add_person: Callable[..., int]
):
    owner, other = add_person("z"), add_person("a", Role.AGENT)
    database.write(lambda s: sessions.begin(s, owner, "token", ("", ""), 5))
    database.write(lambda s: team.deactivate(s, owner, other, 6))
    with database.read() as session:
        members = team.list_members(session)
    assert [each.user.email for each in members] == ["z@example.com", "a@example.com"]
    assert [each.seen_at for each in members] == [5, None]


def test_a_person_that_is_not_there_is_told_so(database: Database, add_person: Callable[..., int]):
    owner = add_person("owner")
    with pytest.raises(UserNotFound):
        database.write(lambda s: team.deactivate(s, owner, 999, 5))
