"""What strangers hold of the edge server is bounded: connections, bytes, threads, time, log lines."""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from app.bot.ingest.admission import RefusalLog
from app.channels.cloud.webhook import PATH
from tests.bot.ingest.edge import (
    MEMBER,
    build_get,
    build_page,
    build_webhook,
    read_answer,
    running_edge,
    send_bytes,
)
from tests.bot.ingest.test_webhook import connect

HALF_REQUESTS = [
    b"",
    b"G",
    b"GET /login HTTP/1.1\r\nHost: x\r\n",
    f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-".encode(),
    f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n{{".encode(),
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nemail=",
    b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database is enough: strangers reach none."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def installation(installation: Flask) -> Flask:
    connect(installation, "106540352242922")
    return installation


def open_all(stack: ExitStack, port: int, count: int, part: bytes) -> list[socket.socket]:
    made = []
    for _ in range(count):
        caller = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        caller.sendall(part)
        made.append(caller)
    return made


def is_closed(caller: socket.socket) -> bool:
    """Tell whether a connection has been closed; waits for it."""
    try:
        while caller.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def wait_until(is_true: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("part", HALF_REQUESTS)
def test_half_requests_take_no_thread_and_end_at_their_deadline(installation: Flask, part: bytes):
    with running_edge(installation, header_s=0.5, body_s=0.5) as (port, inner), ExitStack() as stack:
        callers = open_all(stack, port, 60, part)
        assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200")
        assert send_bytes(port, build_get("/healthz"), until=b"page:").endswith(b"page:")
        assert len(inner.heard) == 1
        began = time.monotonic()
        for caller in callers:
            while caller.recv(4096):
                pass
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("part", HALF_REQUESTS)
def test_beyond_the_limit_the_oldest_idle_connection_makes_room(installation: Flask, part: bytes):
    # The bound of bytes would make room, too, from the other end.
    limits = {"connections": 32, "unverified_bytes": 2**40}
    with running_edge(installation, **limits) as (port, _), ExitStack() as stack:
        callers = open_all(stack, port, 100, part)
        for _ in range(3):
            assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200")
            assert send_bytes(port, build_get(), until=b"page:").endswith(b"page:")
        assert all(is_closed(caller) for caller in callers[:60])


def test_a_request_under_way_is_never_closed_for_a_new_connection(installation: Flask):
    with running_edge(installation, connections=16) as (port, inner), ExitStack() as stack:
        inner.answer = lambda _heard, _connection: time.sleep(1) or build_page(b"late")
        (patient,) = open_all(stack, port, 1, build_get("/slow"))
        wait_until(lambda: inner.open == 1)
        open_all(stack, port, 40, b"GET")
        assert read_answer(patient).endswith(b"late")


def test_unsigned_bodies_share_one_bound_and_the_largest_goes_first(installation: Flask):
    half = 3_900_000
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n".encode()
    with (
        running_edge(installation, unverified_bytes=8 * 1024 * 1024) as (port, _),
        ExitStack() as stack,
    ):
        refused = 0
        for caller in open_all(stack, port, 12, head):
            try:
                caller.sendall(bytes(half))
            except OSError:
                refused += 1
            assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200")
        assert send_bytes(port, build_webhook(b'{"a":"' + b"x" * 50_000 + b'"}')).startswith(b"HTTP/1.1 200")


def test_strangers_are_left_a_share_of_the_threads(installation: Flask):
    with running_edge(installation, threads=32) as (port, inner), ExitStack() as stack:
        inner.answer = lambda heard, _connection: (
            time.sleep(8 if b"/slow" in heard else 0) or build_page(b"page")
        )
        open_all(stack, port, 50, build_get("/slow"))
        wait_until(lambda: inner.open > 0)
        began = time.monotonic()
        for request in (build_get("/healthz"), build_get("/readyz"), build_get("/", f"Cookie: {MEMBER}")):
            assert send_bytes(port, request, until=b"page").endswith(b"page")
        assert time.monotonic() - began < 6
        assert inner.open <= 4


def test_a_live_connection_of_a_stranger_is_refused_without_a_thread(installation: Flask):
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Cookie: session=forged")
    with running_edge(installation) as (port, inner):
        for headers in ((), upgrade):
            request = build_get("/socket.io/?EIO=4&transport=websocket", *headers)
            assert send_bytes(port, request).startswith(b"HTTP/1.1 401")
        assert inner.heard == []


def test_live_pages_leave_threads_to_open_pages_with(installation: Flask):
    live = build_get("/socket.io/?EIO=4&transport=polling", f"Cookie: {MEMBER}")
    with running_edge(installation, threads=16) as (port, inner), ExitStack() as stack:
        inner.answer = lambda heard, _connection: (
            time.sleep(8 if b"socket.io" in heard else 0) or build_page(b"page")
        )
        open_all(stack, port, 30, live)
        wait_until(lambda: inner.open > 3)
        began = time.monotonic()
        assert send_bytes(port, build_get("/", f"Cookie: {MEMBER}"), until=b"page").endswith(b"page")
        assert time.monotonic() - began < 6


def test_an_answer_that_is_not_read_frees_its_thread(installation: Flask):
    with running_edge(installation, stall_s=1) as (port, inner), ExitStack() as stack:
        inner.answer = lambda _heard, _connection: build_page(bytes(30_000_000))
        open_all(stack, port, 4, build_get("/large"))
        wait_until(lambda: len(inner.heard) == 4)
        wait_until(lambda: inner.open == 0)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 40_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
        f"POST {PATH} HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab".encode(),
        f"POST {PATH} HTTP/1.1\r\nContent-Length: -2\r\n\r\nab".encode(),
        f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
    ],
)
def test_a_malformed_request_is_refused_here_and_not_logged(
    installation: Flask, request_: bytes, caplog: pytest.LogCaptureFixture
):
    with running_edge(installation) as (port, inner), caplog.at_level(logging.DEBUG):
        assert send_bytes(port, request_)[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 414", b"HTTP/1.1 431"}
        assert inner.heard == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_refusals_are_one_line_a_minute(caplog: pytest.LogCaptureFixture):
    now = [0.0]
    refusals = RefusalLog(lambda: now[0])
    for second in range(180):
        now[0] = second
        for _ in range(50):
            refusals.count("malformed")
        refusals.write_due()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert "3000 × malformed" in lines[1]


def test_connections_of_one_address_are_bounded_except_a_proxys(
    installation: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.bot.ingest.connection.EdgeConnection.find_address", lambda _self: "192.0.2.7")
    with running_edge(installation, connections_per_address=8) as (port, _), ExitStack() as stack:
        callers = open_all(stack, port, 20, b"")
        assert is_closed(callers[-1])
    with (
        running_edge(installation, connections_per_address=8, behind_proxy=True) as (port, _),
        ExitStack() as stack,
    ):
        open_all(stack, port, 20, b"")
        assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200")
