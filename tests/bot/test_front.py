"""The front over real sockets: webhooks are answered, every other connection is passed on with its caller's name."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from flask import Flask

from app.bot.front import Callers
from app.bot.intake import PATH
from tests.bot.test_webhooks import FIXTURES, connect, counted, sign

BODY = json.dumps(FIXTURES["meta_openapi__text_message.json"]).encode()


class Inner(threading.Thread):
    """Stands where gunicorn stands: says back what it was told, and keeps it."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self.heard = b""

    def run(self) -> None:
        with self._listener:
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    while data := connection.recv(65536):
                        if data == b"END OF TEST":
                            return
                        self.heard += data
                        connection.sendall(b"inner:" + data)

    def end(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
            last.sendall(b"END OF TEST")
        self.join(5)


@pytest.fixture
def front(installation: Flask) -> Iterator[tuple[int, Inner]]:
    connect(installation, "106540352242922")
    path = str(Path(mkdtemp(prefix="front-")) / "s")
    inner = Inner(path)
    inner.start()
    listener = socket.create_server(("127.0.0.1", 0))
    made = installation.extensions["bot"].front()
    made.start(listener, path)
    yield listener.getsockname()[1], inner
    made.stop(1)
    inner.end()


def call(port: int, *parts: bytes, until: bytes = b"\r\n\r\n") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        for part in parts:
            caller.sendall(part)
        answer = b""
        while until not in answer and (data := caller.recv(65536)):
            answer += data
        return answer


def webhook(body: bytes = BODY, **headers: str) -> bytes:
    lines = {"Host": "x", "Content-Length": str(len(body)), **sign(body), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


def test_a_webhook_is_stored_and_answered_here(front: tuple[int, Inner], installation: Flask):
    port, inner = front
    assert call(port, webhook()).startswith(b"HTTP/1.1 200 OK")
    assert call(port, webhook()).startswith(b"HTTP/1.1 200 OK")
    assert inner.heard == b""
    assert sum(counted(installation).values()) == 1


def test_a_webhook_that_arrives_byte_by_byte_is_still_one(front: tuple[int, Inner]):
    port, _ = front
    whole = webhook()
    assert call(port, *(whole[i : i + 1] for i in range(40)), whole[40:]).startswith(b"HTTP/1.1 200")


def test_a_bad_signature_and_too_large_a_body_are_refused(front: tuple[int, Inner]):
    port, _ = front
    assert call(port, webhook(**{"X-Hub-Signature-256": "sha256=00"})).startswith(b"HTTP/1.1 401")
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * 1024 * 1024}\r\n\r\n".encode()
    assert call(port, head).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "request_", [b"GET /dashboard HTTP/1.1\r\n\r\n", f"GET {PATH}?x HTTP/1.1\r\n\r\n".encode()]
)
def test_every_other_connection_is_passed_on_with_its_caller(front: tuple[int, Inner], request_: bytes):
    port, inner = front
    answer = call(port, request_, until=request_)
    introduction, _, rest = inner.heard.partition(b"\r\n")
    assert introduction.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
    assert rest == request_
    assert answer.startswith(b"inner:PROXY")


def test_much_data_flows_both_ways_untouched(front: tuple[int, Inner]):
    port, inner = front
    start, lump = b"PUT /upload HTTP/1.1\r\n\r\n", bytes(range(256)) * 8192
    answer = call(port, start, lump + b"END", until=b"END")
    assert inner.heard.endswith(start + lump + b"END")
    assert answer.count(bytes(range(200))) >= 8000


def test_another_request_on_a_webhooks_connection_is_asked_to_connect_again(front: tuple[int, Inner]):
    port, _ = front
    both = webhook() + b"GET /dashboard HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = call(port, both, until=b"connect again")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 503" in answer
    assert b"Connection: close" in answer


def test_a_silent_caller_and_a_lost_inner_end_quietly(installation: Flask):
    listener = socket.create_server(("127.0.0.1", 0))
    made = installation.extensions["bot"].front()
    made.start(listener, "/nonexistent/socket")
    with socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=10) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert caller.recv(100) == b""
    made.stop(1)


def test_the_callers_address_lasts_for_the_whole_connection():
    seen: list[str] = []
    layer = Callers(lambda environ, _start: seen.append(environ["REMOTE_ADDR"]) or [b""])
    first, second = socket.socketpair()
    with first, second:
        layer({"gunicorn.socket": first, "REMOTE_ADDR": "192.0.2.7"}, lambda *_: None)
        layer({"gunicorn.socket": first, "REMOTE_ADDR": ""}, lambda *_: None)
        layer({"gunicorn.socket": second, "REMOTE_ADDR": ""}, lambda *_: None)
    assert seen == ["192.0.2.7", "192.0.2.7", ""]
