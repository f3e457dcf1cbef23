import pytest

from app.brains import limits
from app.brains.sandbox.protocol import decode, parse_response
from app.brains.sandbox.types import build_excerpt


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"{\xff}",
        b"{" + b"[" * 100_000,
        b'{"n": NaN}',
        b'{"n": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_packet_that_is_no_answer_is_none(packet):
    assert decode(packet) is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"n": 1},
        {"n": "1", "ok": {}},
        {"n": True, "ok": {}},
        {"n": 1, "ok": 3},
        {"n": 1, "err": 3},
        {"n": 1, "ok": {}, "err": {}},
        {"n": 1, "ok": {}, "call": "http.get"},
        {"n": 1, "call": 7},
        {"n": 1, "call": "ai", "args": []},
        {"n": 1, "err": {}, "fx": {}},
        {"n": 1, "ok": {}, "out": 3},
        {"n": 1, "ok": {}, "out": "x" * (limits.OUTPUT_CHARS + 1)},
    ],
)
def test_an_answer_outside_the_schema_is_none(value):
    assert parse_response(value) is None


def test_an_excerpt_is_three_lines_at_most():
    assert build_excerpt("a\nb\nc\nd", 1) == ("1: a", "2: b")
    assert build_excerpt("a\nb\nc\nd", 3) == ("2: b", "3: c", "4: d")
    assert build_excerpt("a", 9) == build_excerpt("a", None) == ()
