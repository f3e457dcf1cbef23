"""Ask web services the brain is allowed to ask."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.addresses import Resolve, form, is_public, look_up, pinned, read_url
from app.brains.capabilities.contract import Asker, CallRefused, known
from app.brains.capabilities.wire import Https, Request, Response
from app.db import storable

_GET = frozenset({"url", "params", "headers"})
_POST = frozenset({"url", "params", "headers", "json", "data"})
_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-language",
        "api-key",
        "authorization",
        "content-type",
        "idempotency-key",
        "if-modified-since",
        "if-none-match",
    }
)
_MOST_HEADERS: Final = 20
_HEADER_CHARS: Final = 4_096
_ADDRESSES: Final = 4
# A charset comes from the other side; each of these decodes anything without much work.
_CHARSETS: Final = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
)

Transport = Callable[[Request], Response]


class Http:
    """Answers `http.get` and `http.post`.

    `resolve` looks a host up, `transport` exchanges one request, `permits` judges an address, `clock` counts seconds.
    """

    grant = "http"

    def __init__(
        self,
        resolve: Resolve = look_up,
        transport: Transport | None = None,
        permits: Callable[[str], bool] = is_public,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve
        self._transport = transport or Https(clock=clock)
        self._permits = permits
        self._clock = clock

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        """Return {"status", "text", "headers"} of whatever the host answers; raises CallRefused."""
        known(arguments, _POST if method == "http.post" else _GET)
        allowed = asker.grants.http.allow if asker.grants.http else ()
        target = read_url(arguments.get("url"), arguments.get("params"), allowed)
        headers = _read_headers(arguments.get("headers"))
        body = _read_body(arguments, headers) if method == "http.post" else None
        began = self._clock()
        addresses = pinned(target.host, self._resolve, self._permits, limits.HTTP_SECONDS)
        request = Request(
            "POST" if method == "http.post" else "GET",
            target.host,
            tuple(addresses[:_ADDRESSES]),
            target.path,
            headers,
            body,
            limits.HTTP_SECONDS - (self._clock() - began),
        )
        return _as_data(request, self._transport(request))


def _read_headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if type(given) is not dict or len(given) > _MOST_HEADERS:
        raise CallRefused("denied", f"headers must be a dictionary of at most {_MOST_HEADERS} texts.")
    found: dict[str, str] = {}
    for name, value in given.items():
        lower = name.lower() if type(name) is str else ""
        if not _may_send(lower):
            raise CallRefused("denied", f"The header “{str(name)[:40]}” cannot be set.")
        if type(value) is not str or len(value) > _HEADER_CHARS or not _is_plain(value):
            raise CallRefused("denied", f"The header “{lower[:40]}” must be a plain text in one line.")
        found[lower] = value
    return found


def _may_send(name: str) -> bool:
    if name in _HEADERS:
        return True
    # Own headers of a service, but none that speaks for a proxy.
    rest = name.removeprefix("x-")
    is_token = name.isascii() and rest.replace("-", "").replace("_", "").isalnum() and len(name) <= 60
    return rest != name and is_token and not rest.startswith(("forwarded", "real-ip", "http-method"))


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _read_body(arguments: Mapping[str, Any], headers: dict[str, str]) -> bytes:
    """Encode what is to be sent, and name its type unless the script did."""
    if arguments.get("json") is not None and arguments.get("data") is not None:
        raise CallRefused("denied", "Give either json= or data=.")
    value, kind = arguments.get("data"), "text/plain; charset=utf-8"
    if arguments.get("json") is not None:
        value, kind = _as_json(arguments["json"]), "application/json"
    elif type(value) is dict:
        value, kind = form(value), "application/x-www-form-urlencoded"
    elif value is not None and type(value) is not str:
        raise CallRefused("denied", "data must be a text or a dictionary.")
    headers.setdefault("content-type", kind)
    return (value or "").encode("utf-8", "replace")


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise CallRefused("denied", "json holds a number that is not finite.") from error


def _as_data(request: Request, response: Response) -> dict[str, Any]:
    """Write a response for the script; a redirect says in words that it was not followed."""
    headers = {
        name: storable(value[:_HEADER_CHARS])
        for name, value in list(response.headers.items())[:50]
        if name not in {"set-cookie", "set-cookie2"}
    }
    text = storable(response.body.decode(_charset(headers.get("content-type", "")), "replace"))
    if 300 <= response.status < 400 and "location" in headers:
        where = headers["location"][:200]
        text = f"{request.host} redirects to {where}. Redirects are not followed: ask that address itself."
    return {"status": response.status, "text": text, "headers": headers}


def _charset(content_type: str) -> str:
    named = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    return named if named in _CHARSETS else "utf-8"
