"""HTTP sessions for tests that send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.http_client import HttpSession


@asynccontextmanager
async def open_http() -> AsyncIterator[HttpSession]:
    http = HttpSession(max_connections=8, keep_alive_s=15)
    try:
        yield http
    finally:
        await http.close()
