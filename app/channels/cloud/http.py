"""HTTP client of the Graph API: time-outs, response size, network errors in words (specs: whatsapp A9)."""

import errno
import json
from dataclasses import field
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import aiohttp
import structlog

from app.channels.contract import RefusalClass, SendRefusal
from app.http_client import Endpoint, HttpLimits, build_endpoint
from app.immutable import immutable
from app.settings import Settings

log = structlog.get_logger(__name__)

MAX_RESPONSE_BYTES = 64 * 1024
SEND_LIMITS: Final = HttpLimits(connect_s=5, answer_s=20, total_s=30, max_body=MAX_RESPONSE_BYTES)
# The same for what aiohttp asks.
GRAPH_TIMEOUT = aiohttp.ClientTimeout(
    total=SEND_LIMITS.total_s,
    connect=SEND_LIMITS.connect_s,
    sock_connect=SEND_LIMITS.connect_s,
    sock_read=SEND_LIMITS.answer_s,
)

BAD_ADDRESS_ERRORS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)


@immutable
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


@lru_cache(maxsize=1024)
def build_messages_endpoint(graph: Graph, account: str) -> Endpoint:
    """Return where the messages of a number are posted, kept for the next; raises BadAddressError."""
    headers = graph.headers | {"Accept": "*/*", "Content-Type": "application/json"}
    return build_endpoint(graph.build_url(account, "messages"), headers)


async def read_json(response: aiohttp.ClientResponse, limit: int = MAX_RESPONSE_BYTES) -> object:
    """Return the JSON of an answer; None when it is none or longer than `limit` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return parse_answer(bytes(body))


def parse_answer(body: bytes | None) -> object:
    """Return the JSON of a body; None when it is none."""
    try:
        return json.loads(body or b"")
    except (ValueError, RecursionError):
        return None


def build_unreachable_refusal(words: str) -> SendRefusal:
    """Return the refusal for a connection that was never made; `words`: why not, a clause without a full stop."""
    return SendRefusal(
        RefusalClass.TRANSIENT,
        "unreachable",
        f"WhatsApp could not be reached: {words}. Check the network of the server.",
    )


def explain_network_error(error: Exception, timeout: aiohttp.ClientTimeout) -> str:
    """Log a network error by its class, and return in plain words what happened: a clause without a full stop."""
    log.info("network error", error=type(error).__name__, detail=str(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return _describe_connect_error(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection within {timeout.connect or 0:g} s"
    if isinstance(error, aiohttp.SocketTimeoutError):
        return f"no answer within {timeout.sock_read or 0:g} s"
    if isinstance(error, TimeoutError):
        return f"no whole answer within {timeout.total or 0:g} s"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer could not be understood"
    return "the connection broke before the answer was read"


def _describe_connect_error(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name of the server is not known ({error.host})"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the TLS certificate of {error.host} was not accepted"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no TLS connection could be made with {error.host}"
    words = {
        errno.ECONNREFUSED: f"{error.host} refused the connection",
        errno.ENETUNREACH: f"the network knows no way to {error.host}",
        errno.EHOSTUNREACH: f"the network knows no way to {error.host}",
    }
    return words.get(error.os_error.errno or 0, f"no connection could be made with {error.host}")


def build_bad_address_refusal() -> SendRefusal:
    """Return the refusal for a Graph address that is no web address."""
    return SendRefusal(
        RefusalClass.FIX, "graph_url", "The Graph API's address is no web address: check GRAPH_BASE_URL."
    )
