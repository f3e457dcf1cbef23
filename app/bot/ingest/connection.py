"""One public connection: its requests in order, deadlines of head, body and answer, size of a page's body."""

import asyncio
from collections import deque
from typing import Final

from app.bot.ingest.admission import TOO_MUCH, Caller
from app.bot.ingest.handler import EdgeContext
from app.bot.ingest.http_request import BadRequestError, HttpRequest, RequestReader
from app.bot.ingest.proxy import UpstreamExchange
from app.bot.ingest.webhook import MAX_BODY, READ_TIMED_OUT, TOO_LARGE, Answer

# A page's body is taken in whole before it gets a thread, up to this size; more is only for who is signed in.
PAGE_BODY: Final = 256 * 1024
PAGE_TOO_LARGE: Final[Answer] = ("413 Content Too Large", b"This is more than may be sent here.")
LENGTH_REQUIRED: Final[Answer] = ("411 Length Required", b"Say how long the body is.")
FAILED: Final[Answer] = ("500 Internal Server Error", b"The request could not be answered.")
_UPLOAD_BYTES_PER_S: Final = 64 * 1024
_STRANGER_ANSWER_S: Final = 60
_LINGER_S: Final = 2
_FOREVER: Final = float("inf")


class EdgeConnection(asyncio.Protocol):
    """A public connection: any order of webhooks, pages and WebSocket handshakes, one answer after the other."""

    transport: asyncio.Transport

    def __init__(self, context: EdgeContext) -> None:
        self._context = context
        self._reader = RequestReader(self._begin_request, self._add_part, self._end_request)
        self._waiting: deque[HttpRequest] = deque()
        self._current: HttpRequest | None = None
        self._exchange: UpstreamExchange | None = None
        self._early = b""
        self._task: asyncio.Task[bool] | None = None
        self._is_closing = False
        # Nothing more is read: what is being answered is the last.
        self._is_deaf = False
        self._is_write_paused = False
        self._answer_until = _FOREVER
        self.deadline = _FOREVER
        self.held_bytes = 0
        self.address = ""

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._current is not None

    @property
    def is_answering_here(self) -> bool:
        """Whether a request is answered here, such as a webhook that waits for its commit."""
        return self._current is not None and self._context.handler.is_answered_here(self._current)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection in, or close it (asyncio)."""
        self.transport = transport  # type: ignore[assignment]  a stream transport, from create_server
        self.address = self.find_address()
        context = self._context
        self.deadline = context.now() + context.limits.header_s
        if refusal := context.table.add(self):
            context.refusals.count(refusal)
            self._is_closing = True
            self.transport.abort()

    def find_address(self) -> str:
        """Return the address a connection comes from."""
        return str((self.transport.get_extra_info("peername") or ("",))[0])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Forget a closed connection (asyncio); what was stored or asked of gunicorn is still finished."""
        self._is_closing = True
        self._context.table.remove(self)
        self._context.budget.release(self)
        self._reader.drop()
        self._waiting.clear()
        if self._exchange:
            self._exchange.hold_back(held=False)
        request = self._current
        if request and self._task and (request.is_upgrade or not request.is_complete):
            self._task.cancel()

    def eof_received(self) -> bool:
        """Answer still who has ended what they send (asyncio)."""
        if self._current is None or self._current.is_upgrade or not self._current.is_complete:
            return False
        self._is_deaf, self._current.keeps_alive = True, False
        return True

    def data_received(self, data: bytes) -> None:
        """Read requests (asyncio)."""
        if self._is_closing or self._is_deaf:
            return
        if self._reader.is_upgraded:
            self._pass_through(data)
            return
        context = self._context
        if not self._reader.is_inside and not self.is_busy:
            self.deadline = context.now() + context.limits.header_s
        try:
            self._early += self._reader.read(data)
        except BadRequestError as error:
            self.refuse("malformed", (error.status, str(error).encode()))
            return
        inside = self._reader.is_inside and self._exchange is None
        if self._waiting or (inside and not self._reader.is_counted):
            context.budget.hold(self, len(data))
        elif self.held_bytes and not inside:
            context.budget.release(self)

    def _pass_through(self, data: bytes) -> None:
        if self._exchange:
            self._exchange.write(data)
        elif len(self._early) + len(data) > PAGE_BODY:
            self.refuse("malformed", PAGE_TOO_LARGE)
        else:
            self._early += data

    def _begin_request(self, request: HttpRequest) -> None:
        """Check what a head announces; begin to pass a large upload on."""
        handler, length = self._context.handler, request.length or 0
        is_upload = length > PAGE_BODY and not handler.is_answered_here(request)
        if not is_upload and length > MAX_BODY:
            self.refuse("bodies too large", TOO_LARGE)
            return
        if is_upload and not handler.is_member(request):
            self.refuse("bodies too large", PAGE_TOO_LARGE)
            return
        if not self.is_busy:
            extra_s = length / _UPLOAD_BYTES_PER_S if is_upload else 0
            self.deadline = self._context.now() + self._context.limits.body_s + extra_s
            if (request.get("expect") or "").lower() == "100-continue":
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if is_upload:
            self._enqueue(request)
        elif length:
            # Before they come: whose turn it is not is refused before it costs anything.
            self._context.budget.hold(self, length)

    def _add_part(self, request: HttpRequest, part: bytes) -> None:
        if self._is_closing:
            return
        if self._exchange and request is self._current:
            self._exchange.write(part)
            return
        request.body += part
        if self._context.handler.is_answered_here(request):
            if len(request.body) > MAX_BODY:
                self.refuse("bodies too large", TOO_LARGE)
        elif request.length is None and len(request.body) > PAGE_BODY:
            self.refuse("bodies too large", LENGTH_REQUIRED)

    def _end_request(self, request: HttpRequest) -> None:
        if self._is_closing:
            return
        if request is self._current:
            self.deadline = self._answer_until
        elif request not in self._waiting:
            self._enqueue(request)

    def _enqueue(self, request: HttpRequest) -> None:
        self._waiting.append(request)
        if self.is_busy:
            # Whoever sends on before the answer has come waits, until what waits is served.
            self.transport.pause_reading()
        else:
            self._serve_next()

    def _serve_next(self) -> None:
        if self._is_closing or self._current or not self._waiting:
            return
        context = self._context
        request = self._current = self._waiting.popleft()
        if not self._waiting:
            self.transport.resume_reading()
        context.table.mark_busy(self)
        if request.is_complete:
            self._answer_until = self.deadline = _FOREVER
        if context.handler.is_webhook(request):
            context.handler.answer_webhook(request, self._end_webhook)
        else:
            self._task = asyncio.get_running_loop().create_task(context.handler.answer_page(self, request))
            self._task.add_done_callback(self._end_page)

    def attach(self, exchange: UpstreamExchange, caller: Caller) -> bytes:
        """Let the rest of the request flow to an exchange; return what came behind a handshake."""
        self._exchange = exchange
        if caller is Caller.STRANGER:
            self._answer_until = self._context.now() + _STRANGER_ANSWER_S
            self.deadline = self._answer_until
        exchange.hold_back(held=self._is_write_paused)
        early, self._early = self._early, b""
        return early

    def _end_webhook(self, answer: Answer | None, error: Exception | None) -> None:
        request = self._current
        if answer is not None:
            self.write(self._context.handler.build_answer(request, answer))
        self._end_answer(error, can_go_on=answer is not None and request is not None and request.keeps_alive)

    def _end_page(self, task: "asyncio.Task[bool]") -> None:
        is_cancelled = task.cancelled()
        error = None if is_cancelled else task.exception()
        self._end_answer(error, can_go_on=not is_cancelled and error is None and task.result())

    def _end_answer(self, error: BaseException | None, *, can_go_on: bool) -> None:
        """Go on with the next request, or close."""
        request, self._current, self._exchange, self._task = self._current, None, None, None
        if error:
            self.write(self._context.handler.build_answer(request, FAILED, is_last=True))
            asyncio.get_running_loop().call_exception_handler(
                {"message": "request not answered", "exception": error}
            )
        if self._is_closing:
            return
        is_whole = request is not None and request.is_complete
        # Whoever ended what they send after the answer was counted as one of many is served all the same: by closing.
        if is_whole and can_go_on and not self._is_deaf:
            self._await_next()
        else:
            self._close(linger=not is_whole)

    def _await_next(self) -> None:
        """Take up the next request, or wait for it."""
        context, inside = self._context, self._reader.is_inside
        if not inside and not self._waiting:
            context.budget.release(self)
        if unread := self.transport.get_write_buffer_size():
            context.budget.hold(self, unread)
        if self._is_closing:
            return
        context.table.mark_idle(self)
        self.deadline = context.now() + (context.limits.header_s if inside else context.limits.keep_alive_s)
        if self._waiting:
            # Later: what is answered at once would go ever deeper.
            asyncio.get_running_loop().call_soon(self._serve_next)

    def write(self, data: bytes) -> None:
        """Send bytes, unless the caller is gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self) -> None:
        """Read an answer no faster than the caller does (asyncio)."""
        self._is_write_paused = True
        self.deadline = min(self._answer_until, self._context.now() + self._context.limits.stall_s)
        if self._exchange:
            self._exchange.hold_back(held=True)

    def resume_writing(self) -> None:
        """Read on (asyncio)."""
        self._is_write_paused = False
        if self._is_closing:
            return
        if self._exchange:
            self._exchange.hold_back(held=False)
        self.deadline = (
            self._answer_until if self.is_busy else self._context.now() + self._context.limits.keep_alive_s
        )

    def refuse(self, reason: str, answer: Answer | None = None) -> None:
        """Count a refusal, answer with it when nothing else is being answered, and close."""
        self._context.refusals.count(reason)
        if self._is_closing or answer is None:
            self._is_closing = True
            self.transport.abort()
            return
        self._waiting.clear()
        if self._current:
            self._is_deaf, self._current.keeps_alive = True, False
            return
        self.write(self._context.handler.build_answer(None, answer))
        self._close(linger=self._reader.is_inside and answer is not TOO_MUCH)

    def close_late(self) -> None:
        """Close a connection that did not keep its deadline."""
        is_unread = self.transport.get_write_buffer_size() > 0
        if self._is_closing or is_unread or self.is_busy:
            self.refuse("answers not read") if is_unread else self.transport.abort()
        elif self._reader.is_inside:
            self.refuse("half requests timed out", READ_TIMED_OUT)
        else:
            self._close()

    def _close(self, *, linger: bool = False) -> None:
        """Close after what is still to be sent; lingering, so that the caller can read it before it has sent all."""
        self._is_closing = True
        self._context.budget.release(self)
        self._context.table.mark_idle(self)
        limits = self._context.limits
        self.deadline = self._context.now() + (_LINGER_S if linger else limits.stall_s)
        if linger and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
