"""HTTP transport to AI providers: address check, overall deadline, size limit of answers."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

from app.brains import limits
from app.brains.ai.contract import ProviderError
from app.http_client.addresses import AddressRefusal, Resolver, is_public, look_up, resolve_host

_MAX_ADDRESSES = 4


class ExchangeBudget(threading.local):
    """Budget of this thread's exchange: deadline (s of the clock) and bytes left."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0
        self._bytes = 0

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Limit the exchanges within a `with` block to so many seconds in all."""
        self._until, self._bytes = self._clock() + seconds, limits.AI_BYTES
        yield

    def get_time_left(self, timeout: float | None) -> float:
        """Return the time left for a step (s); raises httpcore2.ReadTimeout when there is none."""
        left = self._until - self._clock()
        if left <= 0:
            raise httpcore2.ReadTimeout("out of time")
        return left if timeout is None else min(left, timeout)

    def count_bytes(self, size: int) -> None:
        """Count received bytes; raises ProviderError beyond the limit."""
        self._bytes -= size
        if self._bytes < 0:
            raise ProviderError("limit", "The AI's answer is too large. Allow fewer tokens.")


class _Stream(httpcore2.NetworkStream):
    """Network stream that observes the budget."""

    def __init__(self, inner: httpcore2.NetworkStream, watch: ExchangeBudget) -> None:
        self._inner = inner
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, self._watch.get_time_left(timeout))
        self._watch.count_bytes(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._watch.get_time_left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._watch.get_time_left(timeout))
        return _Stream(inner, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Network backend that connects to checked addresses only."""

    def __init__(self, watch: ExchangeBudget, resolve: Resolver, permits: Callable[[str], bool]) -> None:
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
        seconds = self._watch.get_time_left(timeout)
        until = time.monotonic() + seconds
        last: Exception = httpcore2.ConnectError("no address")
        for address in self._resolve_host(host, seconds)[:_MAX_ADDRESSES]:
            left = max(until - time.monotonic(), 0.01)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
            else:
                return _Stream(stream, self._watch)
        raise last

    def _resolve_host(self, host: str, seconds: float) -> list[str]:
        try:
            return resolve_host(host, self._resolve, self._permits, seconds)
        except AddressRefusal as refused:
            raise ProviderError(refused.kind, str(refused)) from refused


class Transport(httpx2.HTTPTransport):
    """httpx transport on that backend; no proxy, no HTTP/2."""

    def __init__(self, watch: ExchangeBudget, *, allow_private: bool, resolve: Resolver = look_up) -> None:
        super().__init__(trust_env=False)
        # There is no public way to give it a backend.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=None,
            keepalive_expiry=30.0,
            network_backend=_Backend(watch, resolve, _permit_any if allow_private else is_public),
        )


def _permit_any(_address: str) -> bool:
    return True


def refuse_encoded(response: httpx2.Response) -> None:
    """Refuse a compressed answer, which may unpack to any size; raises ProviderError."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProviderError("upstream", "The AI's answer is packed in a way that was not asked for.")
