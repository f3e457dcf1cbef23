"""HTTP/1.1 over raw asyncio protocols: a harness beside the product must be cheap (specs: performance)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

REASONS = {200: b"OK", 202: b"Accepted", 400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden",
           404: b"Not Found", 405: b"Method Not Allowed", 409: b"Conflict", 422: b"Unprocessable Content",
           429: b"Too Many Requests", 500: b"Internal Server Error", 503: b"Service Unavailable"}  # fmt: skip

# What `done` is told when no answer came: refused, reset or timed out.
NO_ANSWER = 0


class BadMessageError(Exception):
    """Bytes that are no HTTP/1.1 message: the connection can only be closed."""


class Head(NamedTuple):
    """Start line and headers (lower-case names) of a message, and where its body starts."""

    start: bytes
    headers: dict[bytes, bytes]
    body_at: int


class Message(NamedTuple):
    """A whole message and how many bytes of the buffer it took."""

    start: bytes
    headers: dict[bytes, bytes]
    body: bytes
    taken: int


def _head(buffer: bytes | bytearray) -> Head | None:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = bytes(buffer[:end]).split(b"\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return Head(lines[0], headers, end + 4)


def _chunked(buffer: bytes | bytearray, at: int) -> tuple[bytes, int] | None:
    """Decode a chunked body from `at`: the body and where it ends, or None while it is not all here."""
    parts: list[bytes] = []
    while (end := buffer.find(b"\r\n", at)) >= 0:
        size = _number(bytes(buffer[at:end]).split(b";")[0], 16)
        at = end + 2
        if len(buffer) < at + size + 2:
            return None
        if size == 0:
            return b"".join(parts), at + 2
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2
    return None


def _number(text: bytes, radix: int) -> int:
    try:
        return int(text, radix)
    except ValueError:
        raise BadMessageError(repr(text)) from None


def parse(buffer: bytes | bytearray) -> Message | None:
    """Take the first whole message off `buffer`, or return None while it is not all here.

    Raises BadMessageError for a length that is no number.
    """
    head = _head(buffer)
    if head is None:
        return None
    if head.headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        decoded = _chunked(buffer, head.body_at)
        return Message(head.start, head.headers, *decoded) if decoded else None
    end = head.body_at + _number(head.headers.get(b"content-length", b"0"), 10)
    if len(buffer) < end:
        return None
    return Message(head.start, head.headers, bytes(buffer[head.body_at : end]), end)


@dataclass(slots=True)
class Answer:
    """An HTTP response; `status` NO_ANSWER stands for a connection dropped without one."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def encode(self) -> bytes:
        """Return the bytes that go on the wire."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items()).encode()
        return b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
            self.status, REASONS.get(self.status, b"-"), self.content_type.encode(),
            len(self.body), extra, self.body,
        )  # fmt: skip


Respond = Callable[[Answer], None]
Handler = Callable[[Message, Respond], None]


# Time (s) in which a loop takes its next turns.
_TURNS_S = 0.02


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a listening socket, once what is being accepted has become a connection.

    A server that is closed before makes half a connection of it, which nothing closes any more (asyncio, Python 3.11).
    """
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    await asyncio.sleep(_TURNS_S)
    server.close()


class ServerConnection(asyncio.Protocol):
    """One keep-alive connection: hands over one request at a time, the answer may come later."""

    def __init__(self, handler: Handler, connections: set["ServerConnection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._buffer = bytearray()
        self._busy = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio.Protocol)."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Forget the connection (asyncio.Protocol)."""
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is whole (asyncio.Protocol)."""
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        try:
            message = parse(self._buffer) if self._buffer else None
        except BadMessageError:
            self.transport.abort()
            return
        if message is not None:
            del self._buffer[: message.taken]
            self._busy = True
            self._handler(message, self._respond)

    def _respond(self, answer: Answer) -> None:
        if answer.status == NO_ANSWER:
            self.transport.abort()
            return
        if not self.transport.is_closing():
            self.transport.write(answer.encode())
        self._busy = False
        self._next()


class Server:
    """A listening socket on loopback and its connections."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[ServerConnection] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ServerConnection(self._handler, self._connections), "127.0.0.1", port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is None:
            return
        await stop_accepting(self._server)
        for connection in tuple(self._connections):
            connection.transport.abort()
        await self._server.wait_closed()
        # Aborted transports close on the loop's next turn; a loop that ends before warns of them.
        await asyncio.sleep(0)
