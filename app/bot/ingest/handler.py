"""Handler of a public request: webhooks are answered here, pages by gunicorn; who gets a thread, refusals."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Final, Protocol, cast

from app.bot.connections.registry import ConnectionRegistry
from app.bot.ingest.admission import ByteBudget, Caller, ConnectionTable, EdgeLimits, RefusalLog, ThreadShares
from app.bot.ingest.http_request import HttpRequest
from app.bot.ingest.proxy import UpstreamError, UpstreamExchange
from app.bot.ingest.receiver import Receiver
from app.bot.ingest.webhook import HEADERS, Answer, WebhookEndpoint
from app.channels.contract import Headers
from app.db import commit_wait
from app.db.commit_wait import Resume, Wait

LIVE_PATH: Final = "/socket.io"
HEALTH_PATHS: Final = frozenset({"/healthz", "/readyz"})
NO_SESSION: Final[Answer] = ("401 Unauthorized", b"Sign in first.")
BUSY: Final[Answer] = ("503 Service Unavailable", b"Too many requests at once. Try again.")
NO_UPSTREAM: Final[Answer] = ("502 Bad Gateway", b"The web server gave no answer. Try again.")

# Status, body and headers of a request that is answered in the event loop.
LocalAnswer = Callable[[HttpRequest], Awaitable[tuple[str, bytes, Sequence[tuple[str, str]]]]]


@lru_cache(64)
def _format_headers(headers: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


_HEADER_LINES: Final = _format_headers(tuple(HEADERS))


class ClientConnection(Protocol):
    """The connection a request came on."""

    @property
    def transport(self) -> asyncio.Transport:
        """The caller's connection."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, unless the caller is gone."""
        ...

    def attach(self, exchange: UpstreamExchange, caller: Caller) -> bytes:
        """Let the rest of the request flow to an exchange; return what came behind a handshake."""
        ...


class RequestHandler:
    """Answers the requests of all connections; `is_signed_in` reads a Cookie header."""

    def __init__(
        self,
        endpoint: WebhookEndpoint,
        registry: ConnectionRegistry,
        receiver: Receiver,
        is_signed_in: Callable[[str], bool],
        refusals: RefusalLog,
    ) -> None:
        self._endpoint = endpoint
        self._registry = registry
        self._receiver = receiver
        # A page asks for a dozen things with one cookie; whether its session has ended, the page itself checks.
        self._is_signed_in = lru_cache(512)(is_signed_in)
        self._refusals = refusals
        self._shares = ThreadShares(1)
        self._upstream_path = ""
        self._webhook_paths = frozenset(endpoint.paths)
        self._mounted: dict[str, LocalAnswer] = {}
        self.date = formatdate(usegmt=True)

    def set_upstream(self, upstream_path: str, threads: int) -> None:
        """Set gunicorn's socket and its number of threads."""
        self._upstream_path = upstream_path
        self._shares = ThreadShares(threads)

    def mount(self, path: str, answer: LocalAnswer) -> None:
        """Answer the requests to a path here; `answer` gives status, body, and headers beside those of the framing."""
        self._mounted[path] = answer

    def is_webhook(self, request: HttpRequest) -> bool:
        """Tell whether a request is for a webhook."""
        return request.path in self._webhook_paths

    def is_answered_here(self, request: HttpRequest) -> bool:
        """Tell whether a request is answered here: a webhook, or one to a mounted path."""
        return request.path in self._webhook_paths or request.path in self._mounted

    def is_member(self, request: HttpRequest) -> bool:
        """Tell whether a request has the cookie of somebody who is signed in."""
        cookie = request.get("cookie")
        return bool(cookie) and self._is_signed_in(cookie or "")

    def answer_webhook(self, request: HttpRequest, on_answer: Resume) -> None:
        """Have a webhook answered; `on_answer` gets the answer, or an error, maybe at once."""
        edge_request = _EdgeRequest(request, self._registry, self._receiver)
        commit_wait.run(self._endpoint.answer(request.path, edge_request), on_answer)

    async def answer_page(self, connection: ClientConnection, request: HttpRequest) -> bool:
        """Answer what is no webhook, here or by gunicorn; return whether its connection can serve another."""
        if mounted := self._mounted.get(request.path):
            status, body, headers = await mounted(request)
            connection.write(self._build_bytes(request, (status, body), _format_headers(tuple(headers))))
            return request.keeps_alive
        caller = self._identify(request)
        if caller is Caller.STRANGER and request.path.startswith(LIVE_PATH):
            self._refusals.count("live feed without a session")
            connection.write(self.build_answer(request, NO_SESSION))
            return request.keeps_alive and not request.is_upgrade
        return await self._pass_on(connection, request, caller)

    async def _pass_on(self, connection: ClientConnection, request: HttpRequest, caller: Caller) -> bool:
        exchange = UpstreamExchange(connection, request)
        try:
            async with self._shares.hold(caller):
                early = connection.attach(exchange, caller)
                return await exchange.run(self._upstream_path, early)
        except TimeoutError:
            self._refusals.count("no thread came free")
            answer = BUSY
        except (OSError, UpstreamError):
            answer = NO_UPSTREAM
        if not exchange.has_answer:
            connection.write(self.build_answer(request, answer, is_last=True))
        return False

    def _identify(self, request: HttpRequest) -> Caller:
        if request.path in HEALTH_PATHS:
            return Caller.HEALTH
        if not self.is_member(request):
            return Caller.STRANGER
        return Caller.SOCKET if request.path.startswith(LIVE_PATH) else Caller.MEMBER

    def build_answer(self, request: HttpRequest | None, answer: Answer, *, is_last: bool = False) -> bytes:
        """Return a whole answer of ours as bytes; `is_last`: the connection is closed after it."""
        return self._build_bytes(request, answer, _HEADER_LINES, is_last=is_last)

    def _build_bytes(
        self, request: HttpRequest | None, answer: Answer, lines: str, *, is_last: bool = False
    ) -> bytes:
        status, body = answer
        ends = is_last or request is None or not request.keeps_alive
        connection = "close" if ends else "keep-alive"
        head = (
            f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n"
            f"Date: {self.date}\r\nConnection: {connection}\r\n\r\n"
        )
        return head.encode() + (b"" if request is not None and request.method == "HEAD" else body)


class EdgeContext:
    """What the connections of one edge server share."""

    def __init__(
        self, handler: RequestHandler, limits: EdgeLimits, table: ConnectionTable, refusals: RefusalLog
    ) -> None:
        self.handler = handler
        self.limits = limits
        self.table = table
        self.refusals = refusals
        self.budget = ByteBudget(limits.unverified_bytes)
        self.now = asyncio.get_running_loop().time


class _EdgeRequest:
    """A webhook request in the event loop; what would block it is awaited."""

    def __init__(self, request: HttpRequest, registry: ConnectionRegistry, receiver: Receiver) -> None:
        self.method = request.method
        self.query_string = request.query_string
        self.headers: Headers = request
        self._body = request.body
        self._registry = registry
        self.receive = receiver.receive_waiting

    async def read(self) -> bytes | None:
        return bytes(self._body)

    async def refresh_connections(self) -> None:
        if self._registry.is_stale:
            await Wait(self._begin_refresh)

    def _begin_refresh(self, resume: Resume) -> None:
        refreshed = asyncio.get_running_loop().run_in_executor(None, self._registry.refresh)
        refreshed.add_done_callback(lambda done: resume(None, cast("Exception | None", done.exception())))
