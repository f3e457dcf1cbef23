"""The edge server over real sockets, with a server in the place of gunicorn."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType
from typing import Any

from flask import Flask

from app.bot.ingest.admission import EdgeLimits, RefusalLog
from app.bot.ingest.handler import RequestHandler
from app.bot.ingest.server import EdgeServer
from app.channels.cloud.webhook import PATH
from app.logs.ingest import PATH as LOGS
from tests.bot.ingest.test_webhook import FIXTURES, sign

BODY = json.dumps(FIXTURES["meta_openapi__text_message.json"]).encode()
MEMBER = "session=member"


class FakeInnerServer(threading.Thread):
    """A server in the place of gunicorn: answers each request on a connection of its own with `answer`."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self.heard: list[bytes] = []
        self.open = 0
        self._is_ended = False
        self.answer: Callable[[bytes, socket.socket], bytes] = lambda heard, _connection: build_page(
            b"page:" + heard.partition(b"\r\n\r\n")[2]
        )

    def run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._is_ended:
                connection.close()
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def end(self) -> None:
        """Stop listening."""
        self._is_ended = True
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
        self.join(5)
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        self.open += 1
        # Whoever asked may be gone.
        with suppress(OSError), connection:
            heard = b""
            while b"\r\n\r\n" not in heard and (data := connection.recv(65536)):
                heard += data
            head, _, body = heard.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            while length and len(body) < int(length[1]) and (data := connection.recv(65536)):
                heard, body = heard + data, body + data
            self.heard.append(heard)
            if answer := self.answer(heard, connection):
                connection.sendall(answer)
        self.open -= 1


def build_page(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.0 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def running_edge(
    installation: Flask, *, behind_proxy: bool = False, **limits: Any
) -> Iterator[tuple[int, FakeInnerServer]]:
    """Run an edge server with these limits; whoever sends the cookie MEMBER is signed in."""
    shared = installation.extensions["services"]
    path = str(Path(mkdtemp(prefix="front-")) / "s")
    inner = FakeInnerServer(path)
    inner.start()
    listener = socket.create_server(("127.0.0.1", 0))
    refusals = RefusalLog(lambda: 0.0)
    handler = RequestHandler(
        shared.webhook, shared.registry, shared.receiver, lambda cookie: cookie == MEMBER, refusals
    )
    handler.mount(LOGS, shared.logs.endpoint.answer_in_loop)
    made = EdgeServer(handler, replace(EdgeLimits(), **limits), refusals, behind_proxy=behind_proxy)
    made.start(listener, path)
    try:
        yield listener.getsockname()[1], inner
    finally:
        made.stop(1)
        inner.end()


def send_bytes(port: int, *parts: bytes, until: bytes = b"\r\n\r\n", times: int = 1) -> bytes:
    """Send bytes on one connection and return what comes back until the `times`th `until`."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        for part in parts:
            caller.sendall(part)
        answer = b""
        while answer.count(until) < times and (data := caller.recv(65536)):
            answer += data
        return answer


def read_answer(caller: socket.socket) -> bytes:
    """Return one whole answer."""
    answer = b""
    while b"\r\n\r\n" not in answer and (data := caller.recv(65536)):
        answer += data
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", answer)
    whole = answer.index(b"\r\n\r\n") + 4 + int(length[1]) if length else 0
    while len(answer) < whole and (data := caller.recv(65536)):
        answer += data
    return answer


def build_webhook(body: bytes = BODY, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    lines = {"Host": "x", "Content-Length": str(len(body)), **sign(body), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


def build_get(path: str = "/dashboard", *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers]).encode() + b"\r\n\r\n"
