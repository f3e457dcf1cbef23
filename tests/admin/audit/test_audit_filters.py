"""Filters of the audit: every one of them stands in the address; what cannot be is told or left out."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g

from app.admin.audit import audit_filters
from app.admin.audit.audit_filters import INVALID_DAYS
from app.logs.audit.reading import AuditFilter


@pytest.fixture(autouse=True)
def in_berlin(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        g.zone = ZoneInfo("Europe/Berlin")
        yield


@pytest.mark.parametrize(
    ("args", "query"),
    [
        ({}, AuditFilter()),
        ({"actor": "person:3"}, AuditFilter(actor_kind="person", actor_id=3)),
        ({"actor": "command_line"}, AuditFilter(actor_kind="command_line")),
        ({"actor": "nobody:3"}, AuditFilter()),
        ({"kind": "brain", "subject": "7"}, AuditFilter(subject_kind="brain", subject_id="7")),
        ({"action": "label created", "q": " Ada "}, AuditFilter(action="label created", text="Ada")),
        ({"request": "r1", "before": "9"}, AuditFilter(request_id="r1", before=9)),
        ({"before": "x"}, AuditFilter()), ({"before": "-1"}, AuditFilter()), ({"before": "0"}, AuditFilter()),
        # A day in which the clocks go forward has 23 hours.
        ({"from": "2026-03-29", "to": "2026-03-29"}, AuditFilter(since=1774738800000, until=1774821600000)),
    ],
)  # fmt: skip
def test_an_address_is_read(args: dict[str, str], query: AuditFilter):
    found = audit_filters.read(args)
    assert found.query == query
    assert found.problem == ""


@pytest.mark.parametrize(
    "args",
    [{"from": "yesterday"}, {"to": "2026-13-01"}, {"from": "2026-05-02", "to": "2026-05-01"}, {"from": "0001-01-01"},
     {"to": "9999-12-31"}],
)  # fmt: skip
def test_days_that_are_none_are_told_and_left_out(args: dict[str, str]):
    found = audit_filters.read(args)
    assert found.problem == INVALID_DAYS
    assert (found.query.since, found.query.until) == (None, None)


def test_only_the_newest_entries_are_live():
    assert audit_filters.read({"actor": "system"}).is_live
    assert not audit_filters.read({"before": "3"}).is_live
    assert not audit_filters.read({"to": "2026-05-01"}).is_live
