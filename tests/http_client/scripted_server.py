"""A server over real sockets that does to each of its connections what a script says."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.http_client import Endpoint, HttpClient, HttpLimits, build_endpoint
from bench.wire import stop_accepting

HEADERS = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
# Stalls are noticed soon.
SHORT = HttpLimits(connect_s=2, answer_s=0.25, total_s=5)
LONG = HttpLimits(connect_s=5, answer_s=10, total_s=10)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """The server's side of one connection."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.received = bytearray()
        self.told = asyncio.Semaphore(0)  # for scripts that wait for a word
        self._reader = reader
        self._writer = writer

    @property
    def protocol(self) -> str | None:
        """What was agreed on by ALPN."""
        tls: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return tls.selected_alpn_protocol()

    async def read(self, number: int) -> bytes:
        """Read exactly so many bytes; raises IncompleteReadError when the client has closed."""
        data = await self._reader.readexactly(number)
        self.received += data
        return data

    async def read_request(self) -> bytes:
        """Read a request and return its body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.received += head
        return await self.read(int(head.lower().rpartition(b"content-length:")[2]))

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def wait_for_end(self) -> None:
        """Read until the client closes."""
        self.received += await self._reader.read()

    async def close(self) -> None:
        self._writer.close()

    async def reset(self) -> None:
        """Close with RST."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def stall(self) -> None:
        """Neither close nor send anything more."""


Script = Callable[[Peer], Awaitable[None]]
BREAKS = {"close": Peer.close, "reset": Peer.reset, "stall": Peer.stall}


class ScriptedServer:
    """What the connections of a server were sent; `peers` in the order they were made."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._writers: list[asyncio.StreamWriter] = []
        self.peers: list[Peer] = []
        self.port = 0

    @property
    def endpoint(self) -> Endpoint:
        scheme = "https" if self._tls else "http"
        return build_endpoint(f"{scheme}://localhost:{self.port}/v25.0/1065/messages?a=1", HEADERS)

    async def wait_for_peer(self) -> None:
        """Wait until a connection was taken; a client may have given up before a busy machine came to it."""
        async with asyncio.timeout(10):
            while not self.peers:  # noqa: ASYNC110  only a client that gave up has it wait at all
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def run(self, host: str = "127.0.0.1") -> AsyncIterator["ScriptedServer"]:
        server = await asyncio.start_server(self._serve, host, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await stop_accepting(server)
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(self.peers), reader, writer)
        self.peers.append(peer)
        self._writers.append(writer)
        try:
            await self._script(peer)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()


@asynccontextmanager
async def open_client(
    max_connections: int = 1000, keep_alive_s: float = 15, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpClient]:
    client = HttpClient(max_connections, keep_alive_s, tls)
    try:
        yield client
    finally:
        await client.close()
