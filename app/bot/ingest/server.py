"""Edge server: event loop that listens, answers webhooks and passes pages on to gunicorn; its sweep of deadlines.

A webhook waits for a commit. A thread for each that waits costs more than all the rest of its way; a coroutine costs
next to nothing. Strangers hold no thread: a page gets one when its request has come whole.
"""

import asyncio
import socket
import threading
from email.utils import formatdate
from typing import Any, Final

import structlog

from app.bot.ingest.admission import ConnectionTable, EdgeLimits, RefusalLog, set_descriptor_limit
from app.bot.ingest.connection import EdgeConnection
from app.bot.ingest.handler import EdgeContext, RequestHandler

log = structlog.get_logger(__name__)

_ACCEPTS_AT_ONCE: Final = 16
_BACKLOG: Final = 1024
_SWEEP_S: Final = 1
_FLUSH_S: Final = 1
_LOOK_S: Final = 0.01


class EdgeServer:
    """Listens on a public socket and lets `handler` answer; `behind_proxy`: all callers have the proxy's address."""

    def __init__(
        self, handler: RequestHandler, limits: EdgeLimits, refusals: RefusalLog, *, behind_proxy: bool = False
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._refusals = refusals
        self._behind_proxy = behind_proxy
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._handle_exception)
        self._thread = threading.Thread(target=self._run, name="edge", daemon=True)
        self._server: asyncio.Server | None = None
        self._table: ConnectionTable | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self, listener: socket.socket, upstream_path: str) -> None:
        """Start to listen on `listener`; `upstream_path` is gunicorn's Unix socket."""
        self._handler.set_upstream(upstream_path, self._limits.threads)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(listener), self._loop).result(10)

    def stop(self, timeout: float) -> None:
        """Stop listening; webhooks under way have `timeout` seconds to be answered."""
        asyncio.run_coroutine_threadsafe(self._shut_down(timeout), self._loop).result(timeout + 5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self, listener: socket.socket) -> None:
        self._table = ConnectionTable(self._limits, set_descriptor_limit(), behind_proxy=self._behind_proxy)
        context = EdgeContext(self._handler, self._limits, self._table, self._refusals)
        # asyncio accepts as many at once as may wait; everybody else would wait for a flood of them.
        self._server = await self._loop.create_server(
            lambda: EdgeConnection(context), sock=listener, backlog=_ACCEPTS_AT_ONCE
        )
        listener.listen(_BACKLOG)
        self._sweep()

    def _sweep(self) -> None:
        """Close what did not keep its deadline; once a second costs less than a timer for each request."""
        now = self._loop.time()
        for connection in self._table or ():
            if connection.deadline < now:
                connection.close_late()
        self._handler.date = formatdate(usegmt=True)
        self._refusals.write_due()
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    async def _shut_down(self, timeout: float) -> None:  # noqa: ASYNC109  the caller's time, not a cancellation scope
        if self._server:
            self._server.close()
        if self._sweeper:
            self._sweeper.cancel()
        connections = list(self._table or ())
        until = self._loop.time() + timeout
        while self._loop.time() < until and any(each.is_answering_here for each in connections):  # noqa: ASYNC110  an event would cost every webhook something
            await asyncio.sleep(_LOOK_S)
        for connection in connections:
            connection.transport.close()
        if any(each.transport.get_write_buffer_size() for each in connections):
            await asyncio.sleep(_FLUSH_S)
        for connection in connections:
            connection.transport.abort()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        # The transports' own last steps, also of those that were refused just now.
        await asyncio.sleep(0.02)
        await self._loop.shutdown_default_executor()

    def _handle_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Count an error of the loop; the first of a minute is written whole."""
        if self._refusals.count(f"errors ({context['message']})") == 1:
            log.error("edge server", reason=context["message"], exc_info=context.get("exception"))
