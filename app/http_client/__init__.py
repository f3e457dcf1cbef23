"""HTTP/1.1 client for small requests that are sent often: kept-open connections, outcomes by what was written and read.

Why it exists, and what it does not do: docs/decisions/0021-own-http-client.md.
"""

from app.http_client.client import HttpClient
from app.http_client.endpoint import Endpoint, build_endpoint
from app.http_client.errors import BadAddressError, BadHeaderError, BrokenError, NotSentError
from app.http_client.http_limits import HttpLimits
from app.http_client.http_session import HttpSession
from app.http_client.response import HttpResponse

__all__ = [
    "BadAddressError",
    "BadHeaderError",
    "BrokenError",
    "Endpoint",
    "HttpClient",
    "HttpLimits",
    "HttpResponse",
    "HttpSession",
    "NotSentError",
    "build_endpoint",
]
