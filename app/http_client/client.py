"""HTTP client: POST requests on kept-open connections, each sent at most once."""

import asyncio
import ssl

from app.http_client.connection_pool import ConnectionPool
from app.http_client.dialer import Dialer
from app.http_client.endpoint import Endpoint
from app.http_client.http_limits import HttpLimits
from app.http_client.response import HttpResponse


class HttpClient:
    """Sends requests; belongs to the event loop in which it is made, and is closed there."""

    def __init__(self, max_connections: int, keep_alive_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ConnectionPool(max_connections, keep_alive_s, Dialer(tls))

    async def post(self, endpoint: Endpoint, body: bytes, limits: HttpLimits) -> HttpResponse:
        """Send a request and return the answer, whatever its status; redirects are not followed.

        Raises NotSentError when nothing was written, and BrokenError when that is not known and no status was read.
        """
        now = self._loop.time()
        connection = self._pool.pop_idle(endpoint.server, now)
        if connection is None:
            connection = await self._pool.open(endpoint.server, limits.connect_s)
        request = b"%b%d\r\n\r\n%b" % (endpoint.head, len(body), body)
        answer = connection.send(request, limits, now + limits.total_s)
        try:
            return await answer
        except asyncio.CancelledError:
            # Had the answer come already, the connection might be another request's by now.
            if answer.cancelled():
                connection.abort()
            raise

    async def close(self) -> None:
        """Close the connections; requests under way end with BrokenError."""
        await self._pool.close()
