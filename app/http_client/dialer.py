"""New connections: names looked up once for all who wait, IPv6 and IPv4, TLS with verification, reasons in words."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from aiohappyeyeballs import start_connection

from app.http_client.endpoint import Server
from app.http_client.errors import NotSentError
from app.http_client.server_connection import ServerConnection

# What was found under a name stays in use for so long.
LOOKUP_S: Final = 10.0
# The next address is tried when one has not answered for so long (RFC 8305).
_NEXT_ADDRESS_S: Final = 0.25
_REASONS: Final[tuple[tuple[type[OSError], str], ...]] = (
    (socket.gaierror, "the name of the server is not known"),
    (ssl.SSLCertVerificationError, "the TLS certificate of the server is not accepted"),
    (ssl.SSLError, "the server does not speak TLS as it should"),
    (ConnectionRefusedError, "the server takes no connections"),
    (OSError, "no connection to the server could be made"),
)


class Dialer:
    """Makes connections; belongs to one event loop. `tls` is verified against the system's authorities unless given."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._lookups: dict[Server, tuple[asyncio.Task[list[Any]], float]] = {}

    async def connect(self, server: Server, build: Callable[[], ServerConnection]) -> ServerConnection:
        """Connect; raises NotSentError."""
        loop = asyncio.get_running_loop()
        tls = self._get_tls() if server.is_tls else None
        try:
            addresses = await self._look_up(server)
            sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, interleave=1)
            _, connection = await loop.create_connection(
                build, sock=sock, ssl=tls, server_hostname=server.host if tls else None
            )
        except OSError as error:
            # The next one asks for the name again.
            self._lookups.pop(server, None)
            reason = next(words for kind, words in _REASONS if isinstance(error, kind))
            raise NotSentError(reason) from error
        return connection

    def close(self) -> None:
        """Ask for no more names."""
        for task, _ in self._lookups.values():
            task.cancel()

    async def _look_up(self, server: Server) -> list[Any]:
        loop = asyncio.get_running_loop()
        task, until = self._lookups.get(server, (None, 0.0))
        if task is None or loop.time() >= until:
            task = loop.create_task(_find_addresses(server))
            task.add_done_callback(_retrieve)
            self._lookups[server] = (task, loop.time() + LOOKUP_S)
        try:
            # Whoever gives up takes the answer from nobody else.
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise NotSentError("sending has ended") from None
            raise

    def _get_tls(self) -> ssl.SSLContext:
        if self._tls is None:
            # Reading the system's authorities takes some milliseconds: when it is first needed.
            self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


async def _find_addresses(server: Server) -> list[Any]:
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)


def _retrieve(task: "asyncio.Task[list[Any]]") -> None:
    """Take an error nobody waits for any more, so that the loop does not complain."""
    if not task.cancelled():
        task.exception()
