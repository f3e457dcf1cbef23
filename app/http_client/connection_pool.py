"""Pool of kept-open connections: their number, how long they are kept, a fair queue, the sweep of deadlines."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final

from app.http_client.dialer import Dialer
from app.http_client.endpoint import Server
from app.http_client.errors import NotSentError
from app.http_client.server_connection import FOREVER, ServerConnection

# Deadlines are looked at so often: a timer for each request costs more than all of them.
SWEEP_S: Final = 0.25
_CLOSE_S: Final = 1.0


class ConnectionPool:
    """Connections to any number of servers, together at most `max_connections`; belongs to one event loop.

    Who waits is served in order. The connection used last is used next, so that the others can be closed when they have
    been idle for `keep_alive_s`.
    """

    def __init__(self, max_connections: int, keep_alive_s: float, dialer: Dialer) -> None:
        self._max_connections = max_connections
        self._keep_alive_s = keep_alive_s
        self._dialer = dialer
        self._loop = asyncio.get_running_loop()
        # Connections that are made or being made; each frees its slot when it is closed.
        self._slots_taken = 0
        self._connections: set[ServerConnection] = set()
        self._idle: dict[Server, dict[ServerConnection, None]] = {}
        # Each gets a connection, or None: a slot to make one.
        self._queue: deque[tuple[Server, asyncio.Future[ServerConnection | None]]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False
        # Done when the last connection is gone.
        self._emptied: asyncio.Future[None] | None = None

    def pop_idle(self, server: Server, now: float) -> ServerConnection | None:
        """Return an open connection to a server, or None; `now` in the loop's time."""
        idle = self._idle.get(server)
        while idle:
            connection, _ = idle.popitem()
            if connection.deadline > now and connection.is_usable():
                return connection
            connection.abort()
        return None

    async def open(self, server: Server, timeout: float) -> ServerConnection:  # noqa: ASYNC109  told to operators
        """Return a new connection, or wait for one that comes free; raises NotSentError."""
        try:
            async with asyncio.timeout(timeout):
                return await self._acquire(server)
        except TimeoutError:
            raise NotSentError(f"no connection within {timeout:g} s") from None

    def release(self, connection: ServerConnection) -> None:
        """Hand a connection whose answer was read to whoever waits longest, or keep it."""
        if connection.transport.is_closing():
            return
        connection.deadline = self._loop.time() + self._keep_alive_s
        if self._queue and (waiter := self._pop_waiter(connection.server)):
            waiter.set_result(connection)
        elif self._queue:
            # Its slot goes to who waits for another server.
            connection.abort()
        else:
            self._idle.setdefault(connection.server, {})[connection] = None

    def remove(self, connection: ServerConnection) -> None:
        """Forget a closed connection."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._idle.get(connection.server, {}).pop(connection, None)
            self._free_slot()

    async def close(self) -> None:
        """Close every connection; what is under way ends as it would when the connection broke."""
        self._is_closed = True
        self._dialer.close()
        while waiter := self._pop_waiter():
            waiter.set_exception(NotSentError("sending has ended"))
        for connection in list(self._connections):
            connection.abort()
        if self._slots_taken:
            self._emptied = self._loop.create_future()
            await asyncio.wait([self._emptied], timeout=_CLOSE_S)
        if self._sweeper:
            self._sweeper.cancel()

    async def _acquire(self, server: Server) -> ServerConnection:
        is_next = False
        while not self._take_slot():
            connection = await self._wait_in_queue(server, is_next=is_next)
            if connection is None:
                break
            if connection.is_usable():
                return connection
            # Closed on the way: whose turn it was keeps its place.
            connection.abort()
            is_next = True
        return await self._make(server)

    def _take_slot(self) -> bool:
        if self._is_closed:
            raise NotSentError("sending has ended")
        if self._slots_taken < self._max_connections:
            self._slots_taken += 1
            return True
        # One to another server makes room; its slot comes through the queue.
        if oldest := min(self._list_idle(), key=lambda each: each.deadline, default=None):
            del self._idle[oldest.server][oldest]
            oldest.abort()
        return False

    def _list_idle(self) -> Iterator[ServerConnection]:
        return (connection for idle in self._idle.values() for connection in idle)

    async def _wait_in_queue(self, server: Server, *, is_next: bool) -> ServerConnection | None:
        waiter: asyncio.Future[ServerConnection | None] = self._loop.create_future()
        entry = (server, waiter)
        if is_next:
            self._queue.appendleft(entry)
        else:
            self._queue.append(entry)
        try:
            return await waiter
        except asyncio.CancelledError:
            if entry in self._queue:
                self._queue.remove(entry)
            elif not waiter.cancelled():
                # It has come just now: the next one gets it.
                connection = waiter.result()
                if connection:
                    self.release(connection)
                else:
                    self._free_slot()
            raise

    async def _make(self, server: Server) -> ServerConnection:
        is_made = False
        try:
            connection = await self._dialer.connect(server, lambda: ServerConnection(self, server))
            is_made = not connection.is_lost
        finally:
            if not is_made:
                self._free_slot()
        if is_made:
            self._connections.add(connection)
            self._start_sweep()
            if connection.is_usable() and not self._is_closed:
                return connection
            connection.abort()
        raise NotSentError("the server closed the connection at once")

    def _pop_waiter(self, server: Server | None = None) -> "asyncio.Future[ServerConnection | None] | None":
        """Return who waits longest, None when nobody does or it is for another server."""
        while self._queue:
            wanted, waiter = self._queue[0]
            if server and wanted != server and not waiter.done():
                return None
            self._queue.popleft()
            # Some have given up just now.
            if not waiter.done():
                return waiter
        return None

    def _free_slot(self) -> None:
        if waiter := self._pop_waiter():
            waiter.set_result(None)
        else:
            self._slots_taken -= 1
            if self._emptied and not (self._slots_taken or self._emptied.done()):
                self._emptied.set_result(None)

    def _start_sweep(self) -> None:
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Close what did not keep its deadline; ends when there is nothing left to look at."""
        now, self._sweeper = self._loop.time(), None
        for connection in list(self._connections):
            if connection.deadline <= now:
                connection.deadline = FOREVER
                connection.close_late(now)
        if self._connections:
            self._start_sweep()
