"""Webhook endpoint: HTTP answers (bad signature, body limit, verify token, database busy) of every channel.

Verify, parse, store, 200 after the commit (specs: performance 5.1). It answers 401 to a bad signature, 413 beyond 4 MB,
503 when the database does not take the write: the provider then delivers again (specs: whatsapp A3, A8).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from sqlalchemy.exc import DataError, SQLAlchemyError

from app.bot.connections.registry import ConnectionRegistry
from app.bot.health.counters import Counters
from app.bot.health.unhandled import UnhandledWebhook
from app.bot.ingest.inbox import InboundBatch, IngestResult
from app.bot.ingest.kept_webhooks import build_unhandled
from app.bot.ingest.receiver import Receiver, run_blocking
from app.channels.contract import (
    AccountBatch,
    Channel,
    CosigningChannel,
    Headers,
    Item,
    RawItem,
    UnreadableWebhookError,
    WebhookChannel,
)
from app.channels.registry import index_by_path
from app.clock import DAY_MS, HOUR_MS
from app.http_client.content_coding import UnknownCodingError, decode_content

log = structlog.get_logger(__name__)

MAX_BODY = 4 * 1024 * 1024  # bytes

Answer = tuple[str, bytes]
OK: Answer = ("200 OK", b"ok")
TOO_LARGE: Answer = ("413 Content Too Large", b"A webhook has at most 4 MB.")
WRONG_METHOD: Answer = ("405 Method Not Allowed", b"Use GET to verify, POST to deliver.")
UNKNOWN_CODING: Answer = ("415 Unsupported Media Type", b"Send webhooks plain, or with gzip or deflate.")
READ_TIMED_OUT: Answer = ("408 Request Timeout", b"The webhook did not arrive in time. Deliver again.")
FORBIDDEN: Answer = ("403 Forbidden", b"The verify token is not the one of any connection.")
BAD_SIGNATURE: Answer = ("401 Unauthorized", b"The signature does not match the app secret.")
UNAVAILABLE: Answer = ("503 Service Unavailable", b"The database is not available. Deliver again.")
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
# What these are raised for does not pass: the same body would be refused again, for as long as it is delivered.
UNHANDLED_ERRORS = (
    UnreadableWebhookError,
    DataError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class WebhookRequest(Protocol):
    """A request to a webhook path; a thread and an event loop each have their own."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def query_string(self) -> str:
        """The query, without its question mark."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...

    async def read(self) -> bytes | None:
        """Read the body; None beyond MAX_BODY."""
        ...

    async def refresh_connections(self) -> None:
        """Read the connections if it is time; raises SQLAlchemyError."""
        ...

    async def receive(self, batch: InboundBatch) -> IngestResult:
        """Store a batch and return after its commit; raises SQLAlchemyError."""
        ...


class WebhookEndpoint:
    """Answers webhooks; `paths` are the URL paths of the channels that take them."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        registry: ConnectionRegistry,
        receiver: Receiver,
        counters: Counters,
    ) -> None:
        self._channels = index_by_path(channels)
        self._registry = registry
        self._receiver = receiver
        self._counters = counters

    @property
    def paths(self) -> Collection[str]:
        """The URL paths answered here."""
        return self._channels.keys()

    def mount(self, inner: WSGIApplication) -> WSGIApplication:
        """Return a WSGI callable that answers webhooks and passes every other request on to `inner` (PEP 3333)."""

        def endpoint(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path not in self._channels:
                return inner(environ, start_response)
            request = _WsgiRequest(environ, self._registry, self._receiver)
            status, body = run_blocking(self.answer(path, request))
            start_response(status, [*HEADERS, ("Content-Length", str(len(body)))])
            return [body]

        return endpoint

    async def answer(self, path: str, request: WebhookRequest) -> Answer:
        """Return the status line and the body for a request to one of `paths`."""
        channel = self._channels[path]
        try:
            if request.method in {"GET", "HEAD"}:
                await request.refresh_connections()
                return self._answer_handshake(channel, request.query_string)
            return await self._answer_delivery(channel, request) if request.method == "POST" else WRONG_METHOD
        except SQLAlchemyError as error:
            self._counters.increment("webhook.unavailable")
            # Only the kind of error: its text may hold message bodies.
            log.error("webhook not stored", reason=type(error).__name__)  # noqa: TRY400
            return UNAVAILABLE

    async def _answer_delivery(self, channel: WebhookChannel, request: WebhookRequest) -> Answer:
        body = await request.read()
        if body is None:
            return TOO_LARGE
        await request.refresh_connections()
        configs = {each.id: each.config for each in self._registry.list_by_channel(channel.kind)}
        proven = channel.verify(body, request.headers, configs)
        if not proven:
            return self._refuse_signature()
        content = body
        try:
            unpacked = decode_content(body, request.headers.get("Content-Encoding"), MAX_BODY)
            if unpacked is None:
                return TOO_LARGE
            content = unpacked
            batch = self._parse(channel, content, proven)
            if batch is None:
                return self._refuse_signature()
            await request.receive(batch)
        except UnknownCodingError:
            return UNKNOWN_CODING
        except UNHANDLED_ERRORS as error:
            await self._keep_unhandled(request, content, proven, error)
        return OK

    def _refuse_signature(self) -> Answer:
        self._counters.increment("webhook.bad_signature")
        return BAD_SIGNATURE

    async def _keep_unhandled(
        self, request: WebhookRequest, body: bytes, proven: Collection[int], error: Exception
    ) -> None:
        """Keep what another delivery would not make better: in stats and doctor, to be replayed."""
        self._counters.increment("webhook.unhandled")
        # Only the kind of error: its text may hold message bodies.
        log.warning("signed webhook not handled; kept raw", size=len(body), reason=type(error).__name__)
        await request.receive(build_unhandled(body, proven))

    def parse_again(self, webhook: UnhandledWebhook) -> InboundBatch | None:
        """Return what a kept webhook carries; None when it still cannot be read or its connection is gone."""
        connection = self._registry.find(webhook.connection_id) if webhook.connection_id else None
        channel = next(
            (each for each in self._channels.values() if each.kind == getattr(connection, "channel", "")),
            None,
        )
        if connection is None or channel is None:
            return None
        configs = {each.id: each.config for each in self._registry.list_by_channel(channel.kind)}
        proven = {connection.id}
        if isinstance(channel, CosigningChannel):
            proven.update(channel.list_cosigners(connection.config, configs))
        try:
            return self._parse(channel, webhook.body.encode(), proven)
        except UNHANDLED_ERRORS:
            return None

    def _answer_handshake(self, channel: WebhookChannel, query_string: str) -> Answer:
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        configs = [each.config for each in self._registry.list_by_channel(channel.kind)]
        challenge = channel.answer_handshake(query, configs)
        return FORBIDDEN if challenge is None else ("200 OK", challenge.encode())

    def _parse(self, channel: WebhookChannel, body: bytes, proven: Collection[int]) -> InboundBatch | None:
        """Return what a body carries; None when it speaks for a connection that did not sign it."""
        return self._route(channel, channel.parse(body), proven)

    def _route(
        self, channel: WebhookChannel, batches: Iterable[AccountBatch], proven: Collection[int]
    ) -> InboundBatch | None:
        parts: list[tuple[int, list[Item]]] = []
        notices: list[tuple[int | None, RawItem]] = []
        for batch in batches:
            connection = self._registry.route(channel.kind, batch.account) if batch.account else None
            if connection is None:
                notices += ((None, _build_unrouted(batch.account, item)) for item in batch.items)
            elif connection.id not in proven:
                # Signed with the secret of another connection: it may not speak for this one.
                return None
            else:
                parts.append((connection.id, list(batch.items)))
        return InboundBatch(parts, notices, window_ms=_compute_window_ms(channel.window_hours))


def _compute_window_ms(window_hours: int | None) -> int:
    """Return how long free text may follow a message (ms), from `window_hours` of its channel."""
    return DAY_MS if window_hours is None else window_hours * HOUR_MS


def _build_unrouted(account: str | None, item: Item) -> RawItem:
    if isinstance(item, RawItem):
        return item
    payload = getattr(item, "payload", None) or {"item": type(item).__name__}
    return RawItem("unrouted", {"account": account, "payload": payload})


class _WsgiRequest:
    """A request of a WSGI server (PEP 3333); every await returns at once."""

    def __init__(self, environ: Mapping[str, Any], registry: ConnectionRegistry, receiver: Receiver) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.query_string: str = environ.get("QUERY_STRING", "")
        self.headers = _WsgiHeaders(environ)
        self._environ = environ
        self._registry = registry
        self._receiver = receiver

    async def read(self) -> bytes | None:
        environ = self._environ
        length = environ.get("CONTENT_LENGTH")
        if length and length.isdigit():
            return environ["wsgi.input"].read(int(length)) if int(length) <= MAX_BODY else None
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
            return b""
        body = environ["wsgi.input"].read(MAX_BODY + 1)
        return body if len(body) <= MAX_BODY else None

    async def refresh_connections(self) -> None:
        self._registry.refresh()

    async def receive(self, batch: InboundBatch) -> IngestResult:
        return self._receiver.receive(batch)


class _WsgiHeaders:
    """The headers of a WSGI environment."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, /) -> str | None:
        return self._environ.get("HTTP_" + name.upper().replace("-", "_"))
