"""HTTP client of the Graph API: time-outs, response size, unreachable host (specs: whatsapp A9)."""

import json
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp

from app.channels.contract import RefusalClass, SendRefusal
from app.settings import Settings

MAX_RESPONSE_BYTES = 64 * 1024
SEND_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5, sock_connect=5, sock_read=20)

# These happen before the first byte of the request is written.
NOT_SENT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
BAD_ADDRESS_ERRORS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)


@dataclass(frozen=True, slots=True)
class Graph:
    """Where the Graph API is and how to authorise; the token shows in no repr."""

    base: str
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every call; Meta's file host refuses an empty User-Agent."""
        return {"Authorization": f"Bearer {self.token}", "User-Agent": "Brainbox"}

    def build_url(self, *path: str) -> str:
        """Return the address of an object or of an edge of it."""
        return "/".join([self.base, *(quote(part, safe="") for part in path)])


def build_graph(settings: Settings, token: str) -> Graph:
    """Return the Graph API of this installation for one token."""
    return Graph(f"{settings.graph_base_url}/{settings.graph_version}", token)


async def read_json(response: aiohttp.ClientResponse, limit: int = MAX_RESPONSE_BYTES) -> object:
    """Return the JSON of an answer; None when it is none or longer than `limit` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def build_unreachable_refusal(error: Exception) -> SendRefusal:
    """Return the refusal for a connection that was never made."""
    return SendRefusal(
        RefusalClass.TRANSIENT,
        "unreachable",
        f"WhatsApp could not be reached ({type(error).__name__}): check the network of the server.",
    )


def build_bad_address_refusal() -> SendRefusal:
    """Return the refusal for a Graph address that is no web address."""
    return SendRefusal(
        RefusalClass.FIX, "graph_url", "The Graph API's address is no web address: check GRAPH_BASE_URL."
    )
