"""Event loop with the HTTP session of what goes out, started when first used; connection limit, keep-alive time."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from app.http_client import HttpSession

# As many as there are sends and read marks under way at most.
MAX_CONNECTIONS: Final = 576
# Shorter than servers keep an idle connection: a send must not meet one that is just being closed (performance 5.5).
KEEP_ALIVE_S: Final = 15
THREAD_NAME: Final = "delivery"
_STOP_TIMEOUT_S: Final = 10.0


class HttpLoop:
    """Event loop in a thread of its own, which sends and read marks share; methods are for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._http: HttpSession | None = None
        self._is_closed = False

    def submit(self, act: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the loop's thread, at once when that is this one; raises RuntimeError after `close`."""
        if threading.current_thread() is self._thread:
            act(*arguments)
        else:
            self._get_loop().call_soon_threadsafe(act, *arguments)

    def wait_for(self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float) -> None:
        """Run a coroutine function and wait for it (s); does nothing while the loop has not been started."""
        with self._lock:
            loop = self._loop
        if loop:
            asyncio.run_coroutine_threadsafe(work(), loop).result(timeout)

    def close(self) -> None:
        """Close the session and end the loop for good."""
        self.wait_for(self._close_http, _STOP_TIMEOUT_S)
        with self._lock:
            loop, self._loop, self._is_closed = self._loop, None, True
        if loop and self._thread:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(_STOP_TIMEOUT_S)

    def get_http(self) -> HttpSession:
        """Return the session; for the loop's thread only."""
        if self._http is None:
            self._http = HttpSession(MAX_CONNECTIONS, KEEP_ALIVE_S)
        return self._http

    async def _close_http(self) -> None:
        http, self._http = self._http, None
        if http:
            await http.close()

    def _get_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("what sends has ended")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run_loop, args=(self._loop,), name=THREAD_NAME, daemon=True
                )
                self._thread.start()
            return self._loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()
