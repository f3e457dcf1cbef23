"""The posting side: many keep-alive connections to one loopback address, a callback for each answer."""

import asyncio
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.wire import NO_ANSWER, BadMessageError, Message, parse

Done = Callable[[int], None]


def signature_line(secret: bytes, body: bytes) -> str:
    """Return the signature header Meta sends, as a whole line (specs: whatsapp A3)."""
    return f"X-Hub-Signature-256: sha256={hmac.digest(secret, body, 'sha256').hex()}\r\n"


@dataclass(slots=True, eq=False)
class _ClientConnection(asyncio.Protocol):
    """One kept-open connection of a Poster with at most one request under way."""

    owner: "Poster"
    buffer: bytearray = field(default_factory=bytearray)
    done: Done | None = None
    started: float = 0.0
    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.owner.connected(self)

    def post(self, data: bytes, done: Done, now: float) -> None:
        assert self.transport is not None
        self.done, self.started = done, now
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        try:
            message = parse(self.buffer)
        except BadMessageError:
            self.abort()
            return
        if message is not None:
            del self.buffer[: message.taken]
            self._finish(message)

    def _finish(self, message: Message) -> None:
        done, self.done = self.done, None
        if message.headers.get(b"connection", b"").lower() == b"close":
            self.abort()
        else:
            self.owner.freed(self)
        if done is not None:
            done(int(message.start.split(b" ", 2)[1]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self.owner.lost(self)
        done, self.done = self.done, None
        if done is not None:
            done(NO_ANSWER)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Poster:
    """Posts to one address on at most `limit` kept-open connections; tells each status or NO_ANSWER."""

    def __init__(self, port: int, path: str, limit: int, timeout: float = 5.0) -> None:
        self._prefix = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        self._port = port
        self._limit = limit
        self._timeout = timeout  # seconds
        self._all: set[_ClientConnection] = set()
        self._free: list[_ClientConnection] = []
        self._queue: deque[tuple[bytes, Done]] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def post(self, body: bytes, headers: str, done: Done) -> None:
        """Send `body` when a connection is free; `headers` are whole lines."""
        head = f"{self._prefix}Content-Length: {len(body)}\r\n{headers}\r\n".encode()
        self._queue.append((head + body, done))
        self._pump()

    async def close(self) -> None:
        """Drop everything: posts under way are told NO_ANSWER, waiting ones nothing."""
        self._closed = True
        self._queue.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(*self._opening)
        for connection in tuple(self._all):
            connection.abort()
        await asyncio.sleep(0)

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        if self._sweeper is None and not self._closed:
            self._sweeper = loop.call_later(1.0, self._sweep)
        while self._queue and self._free:
            connection = self._free.pop()
            connection.post(*self._queue.popleft(), loop.time())
        wanted = min(len(self._queue) - len(self._opening), self._limit - len(self._all) - len(self._opening))
        for _ in range(wanted):
            task = loop.create_task(self._open(loop))
            self._opening.add(task)

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await loop.create_connection(lambda: _ClientConnection(self), "127.0.0.1", self._port)
        except OSError:
            # A refused connect fails one post: its owner waits and tries again.
            if self._queue:
                loop.call_soon(self._queue.popleft()[1], NO_ANSWER)
                loop.call_soon(self._pump)
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._opening.discard(task)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._timeout
        for connection in tuple(self._all):
            if connection.done is not None and connection.started < oldest:
                connection.abort()
        self._sweeper = None if self._closed else loop.call_later(1.0, self._sweep)

    def connected(self, connection: _ClientConnection) -> None:
        """Take a fresh connection into use (called by the connection)."""
        self._all.add(connection)
        self.freed(connection)

    def freed(self, connection: _ClientConnection) -> None:
        """Give a connection its next post (called by the connection)."""
        self._free.append(connection)
        self._pump()

    def lost(self, connection: _ClientConnection) -> None:
        """Forget a closed connection (called by the connection)."""
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if self._queue and not self._closed:
            self._pump()
