"""Proxy of one request to gunicorn's socket, with the caller's address (PROXY protocol, version 1); WebSockets."""

import asyncio
from ipaddress import ip_address
from typing import Final, Protocol

from app.bot.ingest.http_request import HttpRequest

CONNECT_TIMEOUT_S: Final = 10
_MAX_HEAD_BYTES: Final = 64 * 1024
_OWN_FIELDS: Final = (b"connection:", b"keep-alive:", b"transfer-encoding:")
_BODILESS: Final = frozenset({b"204", b"304"})


class ClientEnd(Protocol):
    """The caller's end of an exchange; what is written to one that is gone is dropped."""

    @property
    def transport(self) -> asyncio.Transport:
        """The caller's connection."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes to the caller."""
        ...


class UpstreamError(Exception):
    """Answer that gunicorn did not give, or not whole."""


class UpstreamExchange(asyncio.Protocol):
    """One request to gunicorn on a connection of its own (HTTP/1.0: its end is the answer's), and its answer.

    A WebSocket's exchange speaks HTTP/1.1; after the handshake bytes pass both ways as they are.
    """

    def __init__(self, client: ClientEnd, request: HttpRequest) -> None:
        self._client = client
        self._request = request
        self._inside: asyncio.Transport | None = None
        self._head = b""
        self._has_answer = False
        self._left: int | None = None
        self._is_chunked = False
        self._done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._is_held = False
        self.is_tunnel = False

    async def run(self, path: str, early: bytes = b"") -> bool:
        """Pass the request on and its answer back; return whether the connection can serve another.

        `early` is what came behind a WebSocket's handshake. Raises OSError and UpstreamError when there is no answer.
        """
        loop = asyncio.get_running_loop()
        request = self._request
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            inside, _ = await loop.create_unix_connection(lambda: self, path)
        self._inside = inside
        try:
            head = request.build_head("1.1" if request.is_upgrade else "1.0")
            inside.write(_build_proxy_header(self._client.transport) + head + bytes(request.body) + early)
            request.body.clear()
            if self._is_held:
                inside.pause_reading()
            return await self._done
        finally:
            inside.close()

    def write(self, data: bytes) -> None:
        """Pass on more of the request's body, or what follows a handshake."""
        if self._inside:
            self._inside.write(data)
        else:
            self._request.body += data

    def hold_back(self, *, held: bool) -> None:
        """Stop or go on to read the answer: the caller reads more slowly."""
        self._is_held = held
        if self._inside and not self._inside.is_closing():
            (self._inside.pause_reading if held else self._inside.resume_reading)()

    def pause_writing(self) -> None:
        """Let the caller send no faster than gunicorn reads (asyncio)."""
        self._client.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the caller send again (asyncio)."""
        if not self._client.transport.is_closing():
            self._client.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass the answer on (asyncio)."""
        if not self._has_answer:
            self._head += data
            head, gap, data = self._head.partition(b"\r\n\r\n")
            if not gap:
                if len(self._head) > _MAX_HEAD_BYTES:
                    self._fail("the head of an answer is too large")
                return
            self._begin_answer(head)
        if data:
            self._pass_body(data)

    def _begin_answer(self, head: bytes) -> None:
        """Send the head of the answer, with the framing of the caller's connection."""
        self._has_answer = True
        status_line, *lines = head.split(b"\r\n")
        status = status_line.split(b" ", 2)[1:]
        if self._request.is_upgrade and status[:1] == [b"101"]:
            self.is_tunnel = True
            self._client.write(head + b"\r\n\r\n")
            return
        if self._request.is_upgrade:
            self._begin_refusal(status_line, lines)
            return
        kept = [line for line in lines if not line.lower().startswith(_OWN_FIELDS)]
        lengths = [line.partition(b":")[2] for line in kept if line.lower().startswith(b"content-length:")]
        if self._request.method == "HEAD" or status[:1] in [[code] for code in _BODILESS]:
            self._left = 0
        elif lengths:
            self._left = int(lengths[0])
        elif self._request.version == "1.1":
            self._is_chunked = True
            kept.append(b"Transfer-Encoding: chunked")
        else:
            self._request.keeps_alive = False
        kept.append(b"Connection: keep-alive" if self._request.keeps_alive else b"Connection: close")
        self._client.write(b"HTTP/1.1 " + b"\r\n".join([b" ".join(status), *kept]) + b"\r\n\r\n")
        if self._left == 0:
            self._finish()

    def _begin_refusal(self, status_line: bytes, lines: list[bytes]) -> None:
        """Send the head of a refused handshake as it is; gunicorn keeps this connection open behind it."""
        self._request.keeps_alive = False
        lengths = [line.partition(b":")[2] for line in lines if line.lower().startswith(b"content-length:")]
        self._left = int(lengths[0]) if lengths else None
        kept = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
        self._client.write(b"\r\n".join([status_line, *kept, b"Connection: close"]) + b"\r\n\r\n")
        if self._left == 0:
            self._finish()

    def _pass_body(self, data: bytes) -> None:
        write = self._client.write
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if data:
            write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)
        is_last_chunk = self._request.is_upgrade and self._left is None and data.endswith(b"0\r\n\r\n")
        if not self.is_tunnel and (self._left == 0 or is_last_chunk):
            self._finish()

    def eof_received(self) -> None:
        """End the answer (asyncio); the transport is closed after it."""
        if self.is_tunnel or (self._has_answer and self._left in {None, 0}):
            if self._is_chunked and not self._done.done():
                self._client.write(b"0\r\n\r\n")
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Break off what has not ended (asyncio)."""
        if not self._done.done():
            self._fail("the connection was lost")

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(self._request.keeps_alive and not self.is_tunnel)

    def _fail(self, reason: str) -> None:
        if not self._done.done():
            self._done.set_exception(UpstreamError(reason))

    @property
    def has_answer(self) -> bool:
        """Whether a part of the answer has been sent."""
        return self._has_answer


def _build_proxy_header(transport: asyncio.Transport) -> bytes:
    """Return the header that names both ends of a connection (PROXY protocol, version 1)."""
    caller, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not caller or not here:
        return b"PROXY UNKNOWN\r\n"
    kind = "TCP6" if ip_address(caller[0].partition("%")[0]).version == 6 else "TCP4"
    ends = (caller[0].partition("%")[0], here[0].partition("%")[0], str(caller[1]), str(here[1]))
    return f"PROXY {kind} {' '.join(ends)}\r\n".encode()
