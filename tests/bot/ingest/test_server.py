"""The edge server over real sockets: webhooks are answered, pages are passed on, in any order on one connection."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.channels.cloud.webhook import PATH
from app.logs import sources as log_sources
from app.logs.sources import SourceInput
from tests.bot.ingest.edge import (
    BODY,
    MEMBER,
    FakeInnerServer,
    build_get,
    build_page,
    build_webhook,
    read_answer,
    running_edge,
    send_bytes,
)
from tests.bot.ingest.test_webhook import connect, count_rows
from tests.conftest import skip_or_fail

Edge = tuple[int, FakeInnerServer]


@pytest.fixture
def edge_server(installation: Flask) -> Iterator[Edge]:
    connect(installation, "106540352242922")
    with running_edge(installation) as edge:
        yield edge


def test_a_webhook_is_stored_and_answered_here(edge_server: Edge, installation: Flask):
    port, inner = edge_server
    assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200 OK")
    assert send_bytes(port, build_webhook()).startswith(b"HTTP/1.1 200 OK")
    assert inner.heard == []
    assert sum(count_rows(installation).values()) == 1


def test_a_webhook_that_arrives_byte_by_byte_is_still_one(edge_server: Edge):
    port, _ = edge_server
    whole = build_webhook()
    assert send_bytes(port, *(whole[i : i + 1] for i in range(40)), whole[40:]).startswith(b"HTTP/1.1 200")


def test_a_bad_signature_and_too_large_a_body_are_refused(edge_server: Edge):
    port, _ = edge_server
    assert send_bytes(port, build_webhook(headers={"X-Hub-Signature-256": "sha256=00"})).startswith(
        b"HTTP/1.1 401"
    )
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * 1024 * 1024}\r\n\r\n".encode()
    assert send_bytes(port, head).startswith(b"HTTP/1.1 413")
    assert send_bytes(port, head, bytes(2 * 1024 * 1024)).startswith(b"HTTP/1.1 413")


def test_a_page_is_passed_on_with_its_caller(edge_server: Edge):
    port, inner = edge_server
    answer = send_bytes(port, build_get("/dashboard?a=1", "Cookie: a=b", "X-One: 1"), until=b"page:")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    introduction, _, rest = inner.heard[0].partition(b"\r\n")
    assert introduction.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
    assert rest.startswith(b"GET /dashboard?a=1 HTTP/1.0\r\n")
    assert b"\r\nCookie: a=b\r\nX-One: 1\r\n" in rest


def test_a_handshake_of_the_provider_is_answered_here(edge_server: Edge):
    port, inner = edge_server
    assert b"403" in send_bytes(port, build_get(f"{PATH}?hub.mode=subscribe&hub.verify_token=no"))
    assert inner.heard == []


def test_webhooks_and_pages_take_turns_on_one_connection(edge_server: Edge, installation: Flask):
    port, inner = edge_server
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        for request in (build_webhook(), build_get("/a"), build_webhook(), build_get("/b"), build_get("/c")):
            caller.sendall(request)
            assert read_answer(caller).startswith(b"HTTP/1.1 200 OK")
    assert [b"GET /" + name in heard for name, heard in zip([b"a", b"b", b"c"], inner.heard, strict=True)]
    assert sum(count_rows(installation).values()) == 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(kinds=st.lists(st.sampled_from("whpgcm"), min_size=1, max_size=12), cut=st.integers(1, 4000))
def test_requests_of_any_kinds_sent_at_once_are_answered_in_order(
    edge_server: Edge, kinds: list[str], cut: int
):
    port, _ = edge_server
    made = {
        "w": (build_webhook(), b"ok"),
        "h": (build_webhook(headers={"X-Hub-Signature-256": "sha256=00"}), b"The signature"),
        "p": (b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\na=b&c=d", b"page:a=b&c=d"),
        "g": (build_get(), b"page:"),
        "c": (
            b"POST /form HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            b"page:hi",
        ),
        "m": (build_get(f"{PATH}?hub.mode=subscribe"), b"The verify token"),
    }
    whole = b"".join(made[kind][0] for kind in kinds)
    answer = send_bytes(port, whole[:cut], whole[cut:], until=b"HTTP/1.1 ", times=len(kinds))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 ")[1:-1]]
    assert [body.startswith(made[kind][1]) for body, kind in zip(bodies, kinds, strict=False)] == [
        True
    ] * len(bodies)
    assert len(bodies) == len(kinds) - 1


def test_a_large_upload_of_a_member_flows_on_untouched(edge_server: Edge):
    port, inner = edge_server
    body = bytes(range(256)) * 8192 + b"END"
    head = f"POST /upload HTTP/1.1\r\nHost: x\r\nCookie: {MEMBER}\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = send_bytes(port, head.encode(), body, until=b"END")
    assert inner.heard[0].endswith(b"\r\n\r\n" + body)
    assert answer.endswith(b"page:" + body)


def test_a_large_upload_of_a_stranger_is_refused_without_a_thread(edge_server: Edge):
    port, inner = edge_server
    head = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    assert send_bytes(port, head).startswith(b"HTTP/1.1 413")
    assert send_bytes(port, head, bytes(300_000)).startswith(b"HTTP/1.1 413")
    assert inner.heard == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_of_unknown_length_reaches_its_end(edge_server: Edge, version: str):
    port, inner = edge_server
    inner.answer = lambda _heard, _connection: b"HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\na,b\r\n1,2"
    request = build_get().replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    answer = send_bytes(port, request, until=b"0\r\n\r\n" if version == "1.1" else b"1,2")
    assert answer.endswith(b"8\r\na,b\r\n1,2\r\n0\r\n\r\n" if version == "1.1" else b"\r\n\r\na,b\r\n1,2")


def test_a_head_request_is_answered_without_a_body(edge_server: Edge):
    port, inner = edge_server
    inner.answer = lambda _heard, _connection: build_page(b"four")[:-4]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        for _ in range(2):
            caller.sendall(build_get().replace(b"GET", b"HEAD"))
            assert b"Content-Length: 4\r\n" in caller.recv(65536)


def test_a_members_websocket_passes_both_ways(edge_server: Edge):
    port, inner = edge_server

    def talk(heard: bytes, connection: socket.socket) -> bytes:
        assert b"HTTP/1.1\r\n" in heard
        assert b"Upgrade: websocket" in heard
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello")
        while (data := connection.recv(100)) != b"bye":
            connection.sendall(b"echo:" + data)
        return b""

    inner.answer = talk
    upgrade = build_get("/socket.io/?EIO=4", "Connection: Upgrade", "Upgrade: websocket", f"Cookie: {MEMBER}")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(build_webhook())
        assert read_answer(caller).startswith(b"HTTP/1.1 200")
        caller.sendall(upgrade)
        answer = b""
        while not answer.endswith(b"hello"):
            answer += caller.recv(65536)
        assert answer.startswith(b"HTTP/1.1 101 ")
        caller.sendall(b"frame")
        assert caller.recv(100) == b"echo:frame"
        caller.sendall(b"bye")
        assert caller.recv(100) == b""


def test_a_refused_websocket_gets_its_answer(edge_server: Edge):
    port, inner = edge_server
    inner.answer = lambda _heard, connection: (
        connection.sendall(
            b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
        ),
        time.sleep(8),
        b"",
    )[2]
    upgrade = build_get("/socket.io/", "Connection: Upgrade", "Upgrade: websocket", f"Cookie: {MEMBER}")
    began = time.monotonic()
    assert send_bytes(port, upgrade, until=b"NEVER").endswith(b"no\r\n0\r\n\r\n")
    assert time.monotonic() - began < 6


def test_a_lost_inner_server_is_told(edge_server: Edge):
    port, inner = edge_server
    inner.answer = lambda _heard, _connection: b""
    assert send_bytes(port, build_get()).startswith(b"HTTP/1.1 502")
    inner.answer = lambda _heard, _connection: b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    assert send_bytes(port, build_get(), until=b"NEVER").endswith(b"half")


def test_whoever_has_ended_sending_is_still_answered(edge_server: Edge):
    port, _ = edge_server
    for request, wanted in ((build_webhook(), b"\r\n\r\nok"), (build_get(), b"\r\n\r\npage:")):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(request)
            caller.shutdown(socket.SHUT_WR)
            answer = b""
            while data := caller.recv(65536):
                answer += data
            assert answer.endswith(wanted)


def test_whoever_ends_sending_at_the_moment_of_the_answer_is_not_kept(edge_server: Edge):
    port, _ = edge_server
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(build_get())
            caller.recv(65536)
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(65536):
                pass


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream product {{ server 127.0.0.1:{port}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{outside};
    location / {{ proxy_pass http://product; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@pytest.fixture
def nginx(edge_server: Edge, tmp_path: Path) -> Iterator[int]:
    """The port of a real nginx that keeps one connection to the edge server open."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not binary:
        skip_or_fail("nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        outside = free.getsockname()[1]
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(folder=tmp_path, port=edge_server[0], outside=outside))
    process = subprocess.Popen([str(binary), "-e", f"{tmp_path}/error.log", "-c", str(config)])
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", outside)) == 0:
                break
        time.sleep(0.05)
    yield outside
    process.terminate()
    process.wait(5)


def test_pages_and_webhooks_share_the_kept_connection_of_nginx(nginx: int, edge_server: Edge, tmp_path: Path):
    with socket.create_connection(("127.0.0.1", nginx), timeout=10) as caller:
        for number in range(100):
            caller.sendall(build_webhook() if number % 3 == 0 else build_get(f"/page/{number}"))
            assert read_answer(caller).startswith(b"HTTP/1.1 200 OK")
    assert len(edge_server[1].heard) == 66
    errors = [line for line in (tmp_path / "error.log").read_text().splitlines() if "[error]" in line]
    assert errors == []


def test_a_body_that_is_not_needed_whole_is_answered_before_its_end(edge_server: Edge):
    port, inner = edge_server
    inner.answer = lambda _heard, _connection: build_page(b"", status="302 FOUND")
    head = f"POST /x HTTP/1.1\r\nHost: x\r\nCookie: {MEMBER}\r\nContent-Length: 5\r\n\r\n".encode()
    assert send_bytes(port, head, BODY[:5]).startswith(b"HTTP/1.1 302 FOUND")


def test_events_of_other_services_are_answered_in_the_event_loop(installation: Flask):
    shared = installation.extensions["services"]
    data = SourceInput("shop")
    made = shared.database.write(lambda s: log_sources.create_source(s, data, shared.clock()))
    body = b'{"text": "it works"}'

    def build(token: str) -> bytes:
        lines = [
            "POST /api/logs HTTP/1.1", "Host: x", f"Authorization: Bearer {token}",
            "Content-Type: application/json", f"Content-Length: {len(body)}",
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    with running_edge(installation) as (port, inner), socket.create_connection(("127.0.0.1", port)) as caller:
        for token, status in (
            (made.token, b"202 Accepted"),
            ("wrong", b"401 Unauthorized"),
            (made.token, b"202"),
        ):
            caller.sendall(build(token))
            answer = read_answer(caller)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert b"Connection: keep-alive" in answer
        assert inner.heard == []
