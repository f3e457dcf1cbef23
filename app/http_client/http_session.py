"""HTTP of one event loop: the own client for what is sent often, aiohttp for files."""

from typing import Final

import aiohttp

from app.http_client.client import HttpClient

USER_AGENT: Final = "Brainbox"


class HttpSession:
    """What sends go through: `client` for messages and read marks, `files` for uploads; closed in its loop."""

    def __init__(self, max_connections: int, keep_alive_s: float) -> None:
        self.client = HttpClient(max_connections, keep_alive_s)
        self.files = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, keepalive_timeout=keep_alive_s),
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()
        await self.files.close()
