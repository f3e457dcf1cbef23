"""One https exchange with a checked address, within a deadline and a size limit."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.contract import CallRefusal
from app.immutable import immutable

_ENVELOPE_BYTES: Final = 131_072  # status line, headers, chunk marks


@immutable
class Request:
    """HTTP request to one host, `addresses` in the order of connecting; `path` holds the query."""

    method: str
    host: str
    addresses: tuple[str, ...]
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    seconds: float = limits.HTTP_SECONDS

    @property
    def url(self) -> str:
        """The URL as it is requested."""
        return f"https://{self.host}{self.path}"


@immutable
class Response:
    """HTTP response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Https:
    """TLS client for a checked address under the host's name; no proxy, no cookies, one connection."""

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        port: int = 443,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context or ssl.create_default_context()
        self._port = port
        self._clock = clock

    def __call__(self, request: Request) -> Response:
        """Send one request and return its response; raises CallRefusal."""
        deadline = self._clock() + request.seconds
        try:
            with _Stream(self._connect(request, deadline), deadline, self._clock) as stream:
                return _exchange(request, stream)
        except TimeoutError as error:
            raise CallRefusal(
                "timeout", f"{request.host} did not answer within {limits.HTTP_SECONDS:.0f} seconds."
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise CallRefusal(
                "upstream", f"The certificate of {request.host} cannot be trusted: {error.verify_message}."
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CallRefusal(
                "upstream", f"{request.host} could not be reached or gave no answer."
            ) from error

    def _connect(self, request: Request, deadline: float) -> ssl.SSLSocket:
        """Connect to the first address that accepts; the host's name is used for the certificate only."""
        last: OSError = OSError("no address")
        for address in request.addresses:
            try:
                plain = socket.create_connection(
                    (address, self._port), _compute_time_left(deadline, self._clock)
                )
            except TimeoutError:
                raise
            except OSError as error:
                last = error
                continue
            try:
                plain.settimeout(_compute_time_left(deadline, self._clock))
                return self._context.wrap_socket(plain, server_hostname=request.host)
            except (OSError, ValueError):
                plain.close()
                raise
        raise last


def _exchange(request: Request, stream: "_Stream") -> Response:
    connection = http.client.HTTPConnection(request.host)
    connection.sock = stream  # type: ignore[assignment]  all it asks of a socket is below
    headers = {"User-Agent": "Brainbox", "Connection": "close", **request.headers}
    connection.request(request.method, request.path, request.body, headers)
    # Not the connection's own getresponse(), which would close our stream once it knows that this is the last one.
    answer = http.client.HTTPResponse(stream, method=request.method)  # type: ignore[arg-type]  as above
    answer.begin()
    body = answer.read(limits.HTTP_BYTES + 1)
    if len(body) > limits.HTTP_BYTES:
        raise build_size_refusal(request.host)
    if answer.length:
        raise http.client.IncompleteRead(body, answer.length)
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Response(answer.status, found, body)


def build_size_refusal(host: str) -> CallRefusal:
    """Build the refusal of an answer beyond the size limit."""
    return CallRefusal(
        "limit", f"The answer of {host} is larger than {limits.HTTP_BYTES // 1024} KB. Ask for less of it."
    )


class _Stream(io.RawIOBase):
    """Socket for http.client: each step gets the time that is left, all reads share one byte budget."""

    def __init__(self, sock: ssl.SSLSocket, deadline: float, clock: Callable[[], float]) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._clock = clock
        self._bytes = limits.HTTP_BYTES + _ENVELOPE_BYTES

    def sendall(self, data: bytes) -> None:
        """Send everything in time; raises OSError."""
        self._sock.settimeout(_compute_time_left(self._deadline, self._clock))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  a socket's signature
        """Return a buffered reader on this stream."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that the stream can be read (io.RawIOBase)."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive available bytes; raises OSError, CallRefusal beyond the budget."""
        self._sock.settimeout(_compute_time_left(self._deadline, self._clock))
        count = self._sock.recv_into(buffer)
        self._bytes -= count
        if self._bytes < 0:
            raise build_size_refusal(self._sock.server_hostname or "this host")
        return count

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()
        super().close()


def _compute_time_left(deadline: float, clock: Callable[[], float]) -> float:
    left = deadline - clock()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
