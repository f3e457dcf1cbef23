"""Answers read from bytes: the same however these arrive, with limits of head and body."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http_client.response import MAX_HEAD_BYTES, HttpResponse, ResponseReader, UnreadableResponseError

MAX_BODY = 100
_HEAD = b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: 2\r\n\r\n"
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"HTTP/1.0 500 Oh\r\n\r\nto the end",
    b"HTTP/1.1 200\r\nContent-Length: 200\r\n\r\n" + b"x" * 200,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 3000 + b"\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 Oh\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}surplus",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    b"220 mail ready\r\n",
    _HEAD % (b"x" * (MAX_HEAD_BYTES - len(_HEAD) + 2)) + b"{}",
    _HEAD % (b"x" * (MAX_HEAD_BYTES - len(_HEAD) + 3)) + b"{}",
]


def read(parts: Sequence[bytes]) -> Any:
    """Read an answer that arrives in parts and then ends; return it, or why there is none."""
    reader = ResponseReader()
    reader.begin(MAX_BODY)
    try:
        for part in parts:
            reader.read(part)
            if reader.is_complete:
                break
    except UnreadableResponseError as error:
        return str(error)
    if not reader.is_complete:
        reader.end_at_close()
    return reader.build_response("" if reader.is_complete else "cut")


@pytest.mark.parametrize("data", ANSWERS, ids=lambda data: repr(data[:60]))
@given(st.data())
def test_an_answer_is_the_same_however_its_bytes_arrive(data: bytes, draw: st.DataObject):
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=20)))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert read(parts) == read([data])


@pytest.mark.parametrize("data", ANSWERS, ids=lambda data: repr(data[:60]))
def test_an_answer_that_comes_byte_by_byte_is_the_same(data: bytes):
    assert read([data[at : at + 1] for at in range(len(data))]) == read([data])


def test_what_answers_mean():
    found = [
        (each.status, each.body) if isinstance(each, HttpResponse) else each
        for each in (read([data]) for data in ANSWERS)
    ]
    assert found == [
        (200, b"{}"),
        (200, b"{}"),
        (404, b"x"),
        (204, b""),
        (304, b""),
        (101, b""),
        (500, b"to the end"),
        (200, None),
        (200, b"x"),
        (200, b"{}"),
        (200, b"{}"),
        "the answer was no HTTP",
        "the answer was no HTTP",
        "the answer was no HTTP",
        "the answer was no HTTP",
        (200, b"{}"),
        "the head of the answer was too long",
    ]


def test_headers_are_found_by_lower_case_and_trailers_and_interim_ones_left_out():
    assert read([ANSWERS[0]]).headers == {"content-length": "2", "set-cookie": "a, b"}
    assert read([ANSWERS[1]]).headers == {"transfer-encoding": "chunked"}
    assert read([ANSWERS[2]]).headers == {"content-length": "1"}


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (ANSWERS[0], True),
        (ANSWERS[1], True),
        (ANSWERS[2], True),
        (ANSWERS[3], True),
        (ANSWERS[4], True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (ANSWERS[0] + b"x", False),
        (ANSWERS[0] + ANSWERS[0], False),
        (ANSWERS[1] + b"x", False),
        (ANSWERS[3] + b"x", False),
        (ANSWERS[4] + b"0123456789", False),
        (ANSWERS[5], False),
        (ANSWERS[7], False),
    ],
)
def test_a_connection_is_kept_only_after_an_answer_that_ends_where_it_should(data: bytes, kept: bool):
    reader = ResponseReader()
    reader.begin(MAX_BODY)
    reader.read(data)
    assert reader.is_complete
    assert reader.keeps_alive is kept


def test_a_reader_reads_one_answer_after_the_other():
    reader = ResponseReader()
    for data in ANSWERS[:5] * 2:
        reader.begin(MAX_BODY)
        reader.read(data)
        assert reader.build_response() == read([data])


@pytest.mark.parametrize("endless", [b"1;e=x\r\nx\r\n", b"1;" + b"e" * 70_000])
def test_a_body_is_not_read_for_ever_however_little_is_in_it(endless: bytes):
    reader = ResponseReader()
    reader.begin(MAX_BODY)
    reader.read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(MAX_BODY + 1):
        reader.read(endless)
    assert reader.is_complete
    assert reader.build_response().body is None


def test_interim_answers_do_not_come_for_ever():
    reader = ResponseReader()
    reader.begin(MAX_BODY)
    with pytest.raises(UnreadableResponseError, match="too long"):
        reader.read(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)
