"""Policies: every table is audited or says why not, and every column of an audited one stands in one list."""

import pytest

import app.tables  # noqa: F401  every table registers itself
from app.db.schema import Base
from app.logs.audit.policies import AUDITED, UNAUDITED

LISTS = ("kept", "documents", "secret", "private", "noise")
SECRETS = ("secret", "token", "password", "hash", "sealed")


def test_every_table_is_audited_or_says_why_not():
    tables = {
        name for name in Base.metadata.tables if not name.startswith(("log_event", "log_c", "log_lease"))
    }
    tables = {name for name in tables if Base.metadata.tables[name].schema is None}
    assert AUDITED.keys() & UNAUDITED.keys() == set()
    assert tables - AUDITED.keys() - UNAUDITED.keys() == set(), "give it a policy, or a reason"
    assert (AUDITED.keys() | UNAUDITED.keys()) - tables == set()
    assert all(UNAUDITED.values())


@pytest.mark.parametrize("name", AUDITED)
def test_every_column_of_an_audited_table_stands_in_one_list(name: str):
    table, policy = Base.metadata.tables[name], AUDITED[name]
    listed = [column for each in LISTS for column in getattr(policy, each)]
    wanted = [column.name for column in table.columns if not column.primary_key or column.name in listed]
    assert sorted(listed) == sorted(wanted)
    assert set(policy.screened) <= {*policy.kept, *policy.documents}
    assert not policy.name or policy.name in policy.kept


@pytest.mark.parametrize("name", AUDITED)
def test_a_column_that_sounds_like_a_secret_is_hidden(name: str):
    policy = AUDITED[name]
    shown = {*policy.kept, *policy.documents} - {"hash"}  # of a version's document
    assert [column for column in shown if any(word in column for word in SECRETS)] == []


def test_kinds_are_told_apart_and_owners_are_kinds():
    kinds = [policy.kind for policy in AUDITED.values()]
    assert len(set(kinds)) == len(kinds)
    assert {policy.owner[0] for policy in AUDITED.values() if policy.owner} <= set(kinds)
