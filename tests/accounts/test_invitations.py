"""Invitations: one link, one account, seven days."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts import invitations, one_time_links
from app.accounts.invitations import LIFETIME_MS, NewAccount
from app.accounts.one_time_links import LinkError, LinkKind, OneTimeLink
from app.accounts.roles import Role
from app.accounts.users import AccountError, normalise_email
from app.db.writer import Database

ACCOUNT = NewAccount("Ben", "a hash", "Africa/Accra")


@pytest.fixture
def owner(add_person: Callable[..., int]) -> int:
    return add_person("owner")


def invite(database: Database, owner: int, email: str = "Ben@Example.com", link: str = "token") -> Any:
    return database.write(lambda s: invitations.invite(s, owner, email, Role.AGENT, (link, 5)))


def accept(database: Database, link: str = "token", now: int = 6) -> Any:
    return database.write(lambda s: invitations.accept(s, link, ACCOUNT, now))


def test_an_invitation_makes_one_account_of_the_invited_address_and_role(database: Database, owner: int):
    invite(database, owner)
    user = accept(database)
    assert (user.email, user.role, user.name) == ("ben@example.com", Role.AGENT, "Ben")
    with pytest.raises(LinkError):
        accept(database)


@pytest.mark.parametrize(("token", "now"), [("token", 5 + LIFETIME_MS), ("other", 6), ("", 6)])
def test_a_link_that_has_run_out_or_never_was_opens_nothing(
    database: Database, owner: int, token: str, now: int
):
    invite(database, owner)
    with pytest.raises(LinkError):
        accept(database, token, now)
    with database.read() as session:
        assert len(invitations.list_open(session, 6)) == 1
        assert invitations.list_open(session, 5 + LIFETIME_MS) == []


def test_the_token_is_not_in_the_database(database: Database, owner: int):
    invite(database, owner)
    with database.read() as session:
        row = session.query(OneTimeLink).one()
        assert "token" not in row.token_hash
        with pytest.raises(LinkError):
            one_time_links.find_link(session, LinkKind.INVITATION, row.token_hash, 6)
        with pytest.raises(LinkError):
            one_time_links.find_link(session, LinkKind.RESET, "token", 6)


def test_a_second_invitation_of_an_address_ends_the_first(database: Database, owner: int):
    assert not invite(database, owner, link="first").is_replacing
    assert invite(database, owner, link="second").is_replacing
    with pytest.raises(LinkError):
        accept(database, "first")
    accept(database, "second")


def test_an_invitation_that_is_taken_back_opens_nothing(database: Database, owner: int):
    row = invite(database, owner)
    assert database.write(lambda s: invitations.revoke(s, owner, row.id))
    assert not database.write(lambda s: invitations.revoke(s, owner, row.id))
    with pytest.raises(LinkError):
        accept(database)


def test_who_has_an_account_is_not_invited(database: Database, owner: int):
    with pytest.raises(AccountError, match="already an account"):
        invite(database, owner, "owner@example.com")
    with pytest.raises(AccountError, match="no e-mail address"):
        invite(database, owner, "nobody")


@pytest.mark.parametrize("email", [
    '"><script>@x.de', "a b@x.de", "a\tb@x.de", "a\u200bb@x.de", "a@b@x.de", "<a@x.de>", "a@x", "a@.de", "a@x..de",
    "a@-x.de", "a@x-.de", "a@x_y.de", "a@x.de/", "a@x.de\0", "@x.de", "a@", "", '"a"@x.de', "a@" + "x" * 252 + ".de",
])  # fmt: skip
def test_what_is_no_address_is_refused_beside_its_field(email: str):
    with pytest.raises(AccountError, match="no e-mail address") as refused:
        normalise_email(email)
    assert refused.value.field == "email"


@pytest.mark.parametrize("email", [
    "ben@example.com", "ben+bots@mail.example.co.uk", "o'brien@example.ie", "müller@müller.de", "用户@例子.公司",
    "राम@उदाहरण.भारत", "a_b-c.d@x-1.de", "a@xn--mller-kva.de",
])  # fmt: skip
def test_addresses_of_any_script_are_taken(email: str):
    assert normalise_email(f"  {email.upper()} ") == email


def test_only_owners_invite(database: Database, owner: int, add_person: Callable[..., int]):
    editor = add_person("editor", Role.EDITOR)
    with pytest.raises(AccountError, match="no owner"):
        invite(database, editor)
    row = invite(database, owner)
    with pytest.raises(AccountError, match="no owner"):
        database.write(lambda s: invitations.revoke(s, editor, row.id))


def test_links_that_have_run_out_are_deleted(database: Database, owner: int):
    invite(database, owner)
    database.write(lambda s: one_time_links.delete_expired(s, 5 + LIFETIME_MS))
    with database.read() as session:
        assert session.query(OneTimeLink).count() == 0
