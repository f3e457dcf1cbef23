"""The form of an event for sinks: nothing empty stands in it."""

from app.logs.sinks.event_format import build_object, format_moment, list_ids
from tests.logs.conftest import make_event


def test_a_moment_has_its_milliseconds_in_utc():
    assert format_moment(1_780_000_000_007) == "2026-05-28T20:26:40.007Z"
    assert format_moment(1_780_000_000_000) == "2026-05-28T20:26:40.000Z"


def test_only_what_an_event_has_is_named():
    assert list_ids(make_event(run_id="7")) == {"run_id": "7"}
    assert build_object(make_event(1)).keys() == {"id", "at", "level", "severity_number", "source", "text"}
