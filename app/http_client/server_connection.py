"""Connection to a server: one request and its answer at a time, its deadline, and whether it can be used again."""

import asyncio
import select
from typing import Final, Protocol

from app.http_client.endpoint import Server
from app.http_client.errors import BrokenError
from app.http_client.http_limits import HttpLimits
from app.http_client.response import HttpResponse, ResponseReader, UnreadableResponseError

FOREVER: Final = float("inf")


class ConnectionOwner(Protocol):
    """What connections belong to."""

    def release(self, connection: "ServerConnection", /) -> None:
        """Take back a connection whose answer was read, for the next request."""
        ...

    def remove(self, connection: "ServerConnection", /) -> None:
        """Forget a connection that is closed."""
        ...


class ServerConnection(asyncio.Protocol):
    """A connection that is kept open; `deadline` (the loop's time, s) is when it is closed unless something happens."""

    transport: asyncio.Transport

    def __init__(self, owner: ConnectionOwner, server: Server) -> None:
        self._owner = owner
        self.server = server
        self.deadline = FOREVER
        self.is_lost = False
        self._loop = asyncio.get_running_loop()
        self._reader = ResponseReader()
        self._waiter: asyncio.Future[HttpResponse] | None = None
        self._limits = HttpLimits()
        self._ends_at = FOREVER
        self._unread = select.poll()
        self._is_fresh = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection (asyncio)."""
        self.transport = transport  # type: ignore[assignment]  a stream transport, from create_connection
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def is_usable(self) -> bool:
        """Tell whether a request can be written: the server has neither closed nor sent anything meanwhile.

        The loop learns of that only when it looks next, so the socket itself is asked. A new TLS connection is not: the
        server sends keys for later ones by itself.
        """
        if self.transport.is_closing():
            return False
        return (self._is_fresh and self.server.is_tls) or not self._unread.poll(0)

    def send(self, request: bytes, limits: HttpLimits, ends_at: float) -> "asyncio.Future[HttpResponse]":
        """Write a request; the future gets its answer, or BrokenError."""
        self._waiter = waiter = self._loop.create_future()
        self._is_fresh = False
        self._limits, self._ends_at = limits, ends_at
        self._reader.begin(limits.max_body)
        self.deadline = min(self._loop.time() + limits.answer_s, ends_at)
        self.transport.write(request)
        return waiter

    def data_received(self, data: bytes) -> None:
        """Read an answer (asyncio)."""
        if self._waiter is None:
            # Nobody has asked: such a connection is not used any more.
            self.abort()
            return
        try:
            self._reader.read(data)
        except UnreadableResponseError as error:
            self._end_broken(str(error))
            return
        if self._reader.is_complete:
            self._end()
        else:
            self.deadline = min(self._loop.time() + self._limits.answer_s, self._ends_at)

    def eof_received(self) -> bool:
        """Close with the server (asyncio); an answer that named no length ends so."""
        if self._waiter and self._reader.end_at_close():
            self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was being answered (asyncio)."""
        self.is_lost = True
        self._owner.remove(self)
        if self._waiter:
            words = "the connection broke" if exc else "the server closed the connection"
            self._end_broken(words)
        self._reader.drop()

    def close_late(self, now: float) -> None:
        """Close a connection that did not keep its deadline; `now` in the loop's time."""
        if now >= self._ends_at:
            words = f"no whole answer within {self._limits.total_s:g} s"
        elif self._reader.status:
            words = f"nothing more came within {self._limits.answer_s:g} s"
        else:
            words = f"no answer within {self._limits.answer_s:g} s"
        self._end_broken(words)

    def abort(self) -> None:
        """Close at once; what was being answered stays unknown to whoever waits."""
        self.transport.abort()

    def _end(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            # Whoever waited has given up, and closes it.
            self.abort()
            return
        waiter.set_result(self._reader.build_response())
        if self._reader.keeps_alive and not self.transport.get_write_buffer_size():
            self._owner.release(self)
        else:
            self.abort()

    def _end_broken(self, words: str) -> None:
        waiter, self._waiter = self._waiter, None
        self.abort()
        if waiter is None or waiter.done():
            return
        if self._reader.status:
            waiter.set_result(self._reader.build_response(words))
        else:
            waiter.set_exception(BrokenError(words))
