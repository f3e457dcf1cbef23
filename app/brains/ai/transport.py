"""The way to a provider: addresses resolved once and judged, a deadline over everything, a limit on what comes back."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

from app.brains import limits
from app.brains.capabilities.addresses import Resolve, is_public, look_up, pinned
from app.brains.capabilities.contract import CallRefused

_ADDRESSES = 4


class Watch(threading.local):
    """What the exchange of this thread may still take: until when (s of the clock), and how many bytes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0
        self._bytes = 0

    @contextmanager
    def over(self, seconds: float) -> Iterator[None]:
        """Let what happens meanwhile take so many seconds in all."""
        self._until, self._bytes = self._clock() + seconds, limits.AI_BYTES
        yield

    def left(self, timeout: float | None) -> float:
        """Return how long a step may take; raises httpcore2.ReadTimeout when no time is left."""
        left = self._until - self._clock()
        if left <= 0:
            raise httpcore2.ReadTimeout("out of time")
        return left if timeout is None else min(left, timeout)

    def count(self, size: int) -> None:
        """Count what came; raises CallRefused beyond the limit."""
        self._bytes -= size
        if self._bytes < 0:
            raise CallRefused("limit", "The AI's answer is too large. Allow fewer tokens.")


class _Stream(httpcore2.NetworkStream):
    """A connection under the watch."""

    def __init__(self, inner: httpcore2.NetworkStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, self._watch.left(timeout))
        self._watch.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._watch.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._watch.left(timeout))
        return _Stream(inner, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Connects to the addresses that were judged, and to no others."""

    def __init__(self, watch: Watch, resolve: Resolve, permits: Callable[[str], bool]) -> None:
        self._inner = httpcore2.SyncBackend()
        self._watch = watch
        self._resolve = resolve
        self._permits = permits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = self._watch.left(timeout)
        until = time.monotonic() + seconds
        last: Exception = httpcore2.ConnectError("no address")
        for address in pinned(host, self._resolve, self._permits, seconds)[:_ADDRESSES]:
            left = max(until - time.monotonic(), 0.01)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
            else:
                return _Stream(stream, self._watch)
        raise last


class Transport(httpx2.HTTPTransport):
    """httpx' own transport on that backend; no proxy, no second protocol."""

    def __init__(self, watch: Watch, *, allow_private: bool, resolve: Resolve = look_up) -> None:
        super().__init__(trust_env=False)
        # There is no public way to give it a backend.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=None,
            keepalive_expiry=30.0,
            network_backend=_Backend(watch, resolve, _any if allow_private else is_public),
        )


def _any(_address: str) -> bool:
    return True


def refuse_encoded(response: httpx2.Response) -> None:
    """Refuse a packed answer, which nobody asked for: it may unpack to any size. Raises CallRefused."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise CallRefused("upstream", "The AI's answer is packed in a way that was not asked for.")
