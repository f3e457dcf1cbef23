"""Filters of log lines: ages and times of the operator's zone become moments; strange values are left out."""

import pytest
from flask import Flask

from app.admin.logs import log_filters
from app.clock import HOUR_MS, MINUTE_MS

NOW = 1_780_000_000_000  # 2026-05-28T20:26:40Z


@pytest.fixture(autouse=True)
def in_request(app: Flask):
    with app.test_request_context():
        yield


def test_an_age_counts_back_from_now():
    read = log_filters.read({"age": "hour", "level": "warning", "q": " x "}, NOW)
    assert (read.query.since, read.query.level, read.query.text) == (NOW - HOUR_MS, 13, "x")
    assert read.args == {"age": "hour", "level": "warning", "q": "x"}
    assert read.is_live


def test_times_are_read_to_the_end_of_their_minute_and_end_the_tail():
    read = log_filters.read({"from": "2026-05-28T20:00", "to": "2026-05-28T20:26"}, NOW)
    assert read.query.until == NOW - 40_000 + MINUTE_MS
    assert read.query.since == NOW - 26 * MINUTE_MS - 40_000
    assert not read.is_live


def test_ids_have_the_columns_of_the_store():
    query = log_filters.read(
        {"message": "5", "chat": "6", "run": "7", "request": "8", "event": "9"}, NOW
    ).query
    assert (query.message_id, query.chat_id, query.run_id, query.request_id, query.event_id) == (
        "5",
        "6",
        "7",
        "8",
        "9",
    )


@pytest.mark.parametrize(
    "args", [{"level": "loud"}, {"age": "long"}, {"unknown": "x"}, {"before": "x"}, {"q": "  "}]
)
def test_what_means_nothing_is_left_out(args: dict[str, str]):
    read = log_filters.read(args, NOW)
    assert read.args == {}
    assert read.is_live


def test_a_time_that_is_none_is_told():
    assert log_filters.read({"to": "soon"}, NOW).problem
    assert log_filters.read({"from": "99999-01-01T00:00"}, NOW).problem
