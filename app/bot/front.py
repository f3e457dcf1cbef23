"""The front: one event loop that listens, answers webhooks itself and hands every other connection to gunicorn.

A webhook waits for a commit. A thread for each that waits costs more than all the rest of its way; a coroutine costs
next to nothing. What is no webhook is passed on byte by byte, so that WebSockets and uploads need nothing special.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import structlog
from aiohttp import web
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.bot.accounts import Accounts
from app.bot.intake import HEADERS, MAX_BODY, OK, PATH, TOO_LARGE, WRONG_METHOD, Answer, Intake, Wsgi
from app.bot.reception import Parcel, Reception

log = structlog.get_logger(__name__)

WEBHOOK = f"POST {PATH} ".encode()
KEEP_ALIVE = 75
# Seconds a connection may take to say what it wants, and a webhook to arrive whole.
PATIENCE = 30
TOO_SLOW: Answer = ("408 Request Timeout", b"The webhook did not arrive in time. Deliver again.")


class Front:
    """Listens on `listener`; `inner` is the path of gunicorn's socket."""

    def __init__(self, intake: Intake, accounts: Accounts, reception: Reception) -> None:
        self._intake = intake
        self._accounts = accounts
        self._reception = reception
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)
        self._passed: WeakSet[asyncio.Transport] = WeakSet()
        self._webhooks: web.Server | None = None
        self._server: asyncio.Server | None = None
        self.inner = ""

    def start(self, listener: socket.socket, inner: str) -> None:
        """Begin to listen."""
        self.inner = inner
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(listener), self._loop).result(10)

    def stop(self, timeout: float) -> None:
        """Listen no more; webhooks under way are answered first."""
        asyncio.run_coroutine_threadsafe(self._end(timeout), self._loop).result(timeout + 5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self, listener: socket.socket) -> None:
        # A signature is over the bytes as they came: nothing is unpacked before.
        self._webhooks = web.Server(
            self._handle, keepalive_timeout=KEEP_ALIVE, access_log=None, auto_decompress=False
        )
        self._server = await self._loop.create_server(lambda: _Visitor(self), sock=listener)

    async def _end(self, timeout: float) -> None:  # noqa: ASYNC109  the caller's time, not a cancellation scope
        if self._server and self._webhooks:
            self._server.close()
            await self._webhooks.shutdown(timeout)
        for transport in list(self._passed):
            transport.abort()
        # The transports' own last steps.
        await asyncio.sleep(0)
        await self._loop.shutdown_default_executor()

    def protocol(self, transport: asyncio.Transport, said: bytes) -> asyncio.Protocol:
        """Choose who goes on with a connection, by its first words."""
        if self._webhooks is not None and said.startswith(WEBHOOK):
            return self._webhooks()
        self._passed.add(transport)
        return _Caller(self.inner)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != PATH:
            # Another request on a webhook's connection, as a proxy may send: on a new one it is passed on.
            answer = web.Response(status=503, headers={"Retry-After": "0"}, text="Please connect again.")
            answer.force_close()
            return answer
        status, body = await self._answer(request)
        code, _, reason = status.partition(" ")
        return web.Response(status=int(code), reason=reason, headers=HEADERS, body=body)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        if request.method != "POST":
            return self._intake.challenge(request.query_string) if request.method == "GET" else WRONG_METHOD
        try:
            async with asyncio.timeout(PATIENCE):
                body = await _read(request)
        except TimeoutError:
            return TOO_SLOW
        if body is None:
            return TOO_LARGE
        try:
            if self._accounts.stale:
                await self._loop.run_in_executor(None, self._accounts.refresh)
            judged = self._intake.judge(body, request.headers.get("X-Hub-Signature-256"))
            if isinstance(judged, Parcel):
                await self._store(judged)
                return OK
        except SQLAlchemyError as error:
            return self._intake.unavailable(error)
        return judged

    async def _store(self, parcel: Parcel) -> None:
        try:
            accepted = await asyncio.wrap_future(self._reception.submit(parcel))
        except IntegrityError:
            # A chat this process remembers was erased meanwhile.
            self._reception.forget()
            accepted = await asyncio.wrap_future(self._reception.submit(parcel))
        self._reception.follow(parcel, accepted)


async def _read(request: web.BaseRequest) -> bytes | None:
    """Read the body; None when it is larger than we take."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


class _Visitor(asyncio.Protocol):
    """A new connection, until its first words tell where it belongs."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._said = b""
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  a stream transport, from create_server
        self._patience = asyncio.get_running_loop().call_later(PATIENCE, transport.close)

    def data_received(self, data: bytes) -> None:
        self._said += data
        if len(self._said) < len(WEBHOOK) and WEBHOOK.startswith(self._said):
            return
        if self._patience:
            self._patience.cancel()
        if self._transport is None:
            return
        handler = self._front.protocol(self._transport, self._said)
        self._transport.set_protocol(handler)
        handler.connection_made(self._transport)
        handler.data_received(self._said)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        if self._patience:
            self._patience.cancel()


class _Pipe(asyncio.Protocol):
    """One end of a passed-on connection: what comes in here goes out at `other`, no faster than it takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  a stream transport

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.write(data)

    def pause_writing(self) -> None:
        if self.other:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            # A transport that is closing meanwhile has nothing to resume.
            with suppress(RuntimeError):
                self.other.resume_reading()

    def eof_received(self) -> bool:
        if self.other and self.other.can_write_eof():
            self.other.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        if self.other:
            self.other.close()


class _Caller(_Pipe):
    """The caller's end: connects to gunicorn, tells it who calls (PROXY protocol), then only passes on."""

    def __init__(self, inner: str) -> None:
        super().__init__()
        self._inner = inner
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._connect())
        task.add_done_callback(lambda done: done.exception() and transport.close())

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.write(data)
        else:
            self._early += data

    async def _connect(self) -> None:
        caller = self.transport
        if caller is None:
            return
        caller.pause_reading()
        inside, pipe = await asyncio.get_running_loop().create_unix_connection(_Pipe, self._inner)
        pipe.other = caller
        inside.write(_introduction(caller) + self._early)
        self.other = inside
        if caller.is_closing():
            inside.close()
        else:
            caller.resume_reading()


class Callers:
    """A WSGI layer that keeps a connection's introduction for its later requests; gunicorn knows it at the first."""

    def __init__(self, inner: Wsgi) -> None:
        self._inner = inner
        self._known: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Fill in who calls (PEP 3333)."""
        connection = environ.get("gunicorn.socket")
        if connection is not None:
            if environ.get("REMOTE_ADDR"):
                self._known[connection] = environ["REMOTE_ADDR"]
            else:
                environ["REMOTE_ADDR"] = self._known.get(connection, "")
        return self._inner(environ, start_response)


def _introduction(transport: asyncio.Transport) -> bytes:
    """Name both ends of a connection to the server behind us (PROXY protocol, version 1)."""
    caller, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not caller or not here:
        return b"PROXY UNKNOWN\r\n"
    kind = "TCP6" if ip_address(caller[0].partition("%")[0]).version == 6 else "TCP4"
    ends = (caller[0].partition("%")[0], here[0].partition("%")[0], str(caller[1]), str(here[1]))
    return f"PROXY {kind} {' '.join(ends)}\r\n".encode()
