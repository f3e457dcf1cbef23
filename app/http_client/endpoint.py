"""Endpoint of requests: the server, and the constant part of a request's head; line breaks in headers are refused."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from app.http_client.errors import BadAddressError, BadHeaderError
from app.immutable import immutable

_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Visible signs, blanks and tabs of latin-1; what is left out would end the header, or the text.
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_NOT_IN_ADDRESS: Final = re.compile(r"[\x00-\x20\x7f]")
_IN_PATH: Final = "/%:@!$&'()*+,;=~?"
# What the client says itself.
_OWN: Final = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"}


class Server(NamedTuple):
    """What a connection leads to."""

    is_tls: bool
    host: str
    port: int


@immutable
class Endpoint:
    """Where requests go: `head` is all of their head up to the length of the body; its token shows in no repr."""

    server: Server
    head: bytes = field(repr=False)


def build_endpoint(url: str, headers: Mapping[str, str]) -> Endpoint:
    """Return the endpoint of POST requests; raises BadAddressError and BadHeaderError."""
    parts, server = _parse(url)
    path = quote(parts.path or "/", safe=_IN_PATH)
    query = f"?{quote(parts.query, safe=_IN_PATH)}" if parts.query else ""
    host = f"[{server.host}]" if ":" in server.host else server.host
    port = "" if server.port == _PORTS[parts.scheme] else f":{server.port}"
    lines = [f"POST {path}{query} HTTP/1.1", f"Host: {host}{port}", "Accept-Encoding: identity"]
    lines += [_build_line(name, value) for name, value in headers.items()]
    return Endpoint(server, "\r\n".join([*lines, "Content-Length: "]).encode("latin-1"))


def _parse(url: str) -> tuple[SplitResult, Server]:
    if _NOT_IN_ADDRESS.search(url):
        raise BadAddressError("the address has blanks or line breaks in it")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:
        raise BadAddressError("the address cannot be read") from None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or port == 0:
        raise BadAddressError("the address is no web address")
    return parts, Server(parts.scheme == "https", host, port or _PORTS[parts.scheme])


def _build_line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _OWN:
        raise BadHeaderError("a header has a name that cannot be sent")
    if not _VALUE.fullmatch(value):
        raise BadHeaderError(f"the header {name} has signs in it that cannot be sent")
    return f"{name}: {value}"
