"""Capability `ctx.http`: permission with its hosts, allowed headers, request and response form."""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from app.brains import limits
from app.brains.capabilities.address_policy import encode_form, read_url
from app.brains.capabilities.contract import CallContext, CallRefusal, check_arguments
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.https import Https, Request, Response
from app.brains.capabilities.kind import (
    CapabilityKind,
    Environment,
    FormField,
    PermissionRequest,
)
from app.brains.capabilities.script_call import CallParameter, ScriptCall
from app.http_client.addresses import AddressRefusal, Resolver, is_public, look_up, resolve_host
from app.text import to_storable

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
_MAX_ADDRESSES: Final = 4
# A charset comes from the other side; each of these decodes anything without much work.
_CHARSETS: Final = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
)

Transport = Callable[[Request], Response]
# Two labels at least, the last with a letter: no addresses, no ports, no wildcards.
Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=253
    ),
]
# A whole host, ended by what follows it: half of one may become another when the script runs.
_HOST = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#:\s]*)(?P<end>[/?#:]|$)", re.IGNORECASE)


class HttpGrant(Grant):
    """Permission to request web services: only hosts on the list, by their exact names."""

    allow: Annotated[tuple[Host, ...], Field(min_length=1, max_length=limits.HTTP_HOSTS)]


class Http:
    """Answers `http.get` and `http.post`.

    `resolve` looks a host up, `transport` exchanges one request, `permits` judges an address, `clock` counts seconds.
    """

    def __init__(
        self,
        resolve: Resolver = look_up,
        transport: Transport | None = None,
        permits: Callable[[str], bool] = is_public,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve
        self._transport = transport or Https(clock=clock)
        self._permits = permits
        self._clock = clock

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> dict[str, Any]:
        """Return {"status", "text", "headers"} of the response; raises CallRefusal."""
        check_arguments(arguments, _POST if method == "http.post" else _GET)
        grant = context.grants.get(HttpGrant)
        allowed = grant.allow if grant else ()
        target = read_url(arguments.get("url"), arguments.get("params"), allowed)
        headers = _read_headers(arguments.get("headers"))
        body = _read_body(arguments, headers) if method == "http.post" else None
        began = self._clock()
        addresses = self._resolve_host(target.host)
        request = Request(
            "POST" if method == "http.post" else "GET",
            target.host,
            tuple(addresses[:_MAX_ADDRESSES]),
            target.path,
            headers,
            body,
            limits.HTTP_SECONDS - (self._clock() - began),
        )
        return _to_data(request, self._transport(request))

    def _resolve_host(self, host: str) -> list[str]:
        try:
            return resolve_host(host, self._resolve, self._permits, limits.HTTP_SECONDS)
        except AddressRefusal as refused:
            raise CallRefusal(refused.kind, str(refused)) from refused


def _read_headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if type(given) is not dict or len(given) > _MOST_HEADERS:
        raise CallRefusal("denied", f"headers must be a dictionary of at most {_MOST_HEADERS} texts.")
    found: dict[str, str] = {}
    for name, value in given.items():
        lower = name.lower() if type(name) is str else ""
        if not _can_send(lower):
            raise CallRefusal("denied", f"The header “{str(name)[:40]}” cannot be set.")
        if type(value) is not str or len(value) > _HEADER_CHARS or not _is_plain(value):
            raise CallRefusal("denied", f"The header “{lower[:40]}” must be a plain text in one line.")
        found[lower] = value
    return found


def _can_send(name: str) -> bool:
    if name in _HEADERS:
        return True
    # Own headers of a service, but none that speaks for a proxy.
    rest = name.removeprefix("x-")
    is_token = name.isascii() and rest.replace("-", "").replace("_", "").isalnum() and len(name) <= 60
    return rest != name and is_token and not rest.startswith(("forwarded", "real-ip", "http-method"))


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _read_body(arguments: Mapping[str, Any], headers: dict[str, str]) -> bytes:
    """Encode the body, and set its type unless the script did."""
    if arguments.get("json") is not None and arguments.get("data") is not None:
        raise CallRefusal("denied", "Give either json= or data=.")
    value, kind = arguments.get("data"), "text/plain; charset=utf-8"
    if arguments.get("json") is not None:
        value, kind = _to_json(arguments["json"]), "application/json"
    elif type(value) is dict:
        value, kind = encode_form(value), "application/x-www-form-urlencoded"
    elif value is not None and type(value) is not str:
        raise CallRefusal("denied", "data must be a text or a dictionary.")
    headers.setdefault("content-type", kind)
    return (value or "").encode("utf-8", "replace")


def _to_json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise CallRefusal("denied", "json holds a number that is not finite.") from error


def _to_data(request: Request, response: Response) -> dict[str, Any]:
    """Build the script's response; a redirect adds a note that it was not followed."""
    headers = {
        name: to_storable(value[:_HEADER_CHARS])
        for name, value in list(response.headers.items())[:50]
        if name not in {"set-cookie", "set-cookie2"}
    }
    text = to_storable(response.body.decode(_parse_charset(headers.get("content-type", "")), "replace"))
    if 300 <= response.status < 400 and "location" in headers:
        where = headers["location"][:200]
        text = f"{request.host} redirects to {where}. Redirects are not followed: ask that address itself."
    return {"status": response.status, "text": text, "headers": headers}


def _parse_charset(content_type: str) -> str:
    named = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    return named if named in _CHARSETS else "utf-8"


_URL: Final = CallParameter("url", "text", "The address", limits.LINK_CHARS, is_required=True)


class HttpKind(CapabilityKind):
    """The permission to send requests; each host is requested and granted separately."""

    name = "http"
    order = 20
    Grant = HttpGrant
    title = "External requests"
    help = "To https addresses on the hosts listed here and no others. Private networks are never reached."
    purpose = "ask web services"
    quota = limits.CALLS_HTTP
    reaches_out = True
    section = "The outside, chance and looking inside"
    calls = (
        ScriptCall(
            "http.get",
            "Asks an allowed address",
            'ctx.http.get("https://api.example.com/price").json()',
            (_URL, CallParameter("params"), CallParameter("headers")),
            answer="response",
        ),
        ScriptCall(
            "http.post",
            "Sends to one",
            'ctx.http.post("https://api.example.com/orders", json={"n": 1})',
            (_URL, CallParameter("json"), CallParameter("data"), CallParameter("headers")),
            answer="response",
        ),
    )
    sample = MappingProxyType({"allow": ["api.example.com"]})
    fields = (
        FormField(
            "allow",
            "http_allow",
            "Hosts",
            "lines",
            f"one per line, up to {limits.HTTP_HOSTS}",
            "api.example.com",
        ),
    )
    fact_kind = "http"
    misuse_code = "host-not-allowed"

    def build(self, environment: Environment) -> Http:  # noqa: ARG002  it needs nothing of the installation
        """Return the capability that sends requests."""
        return Http()

    def describe_call(self, method: str, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002  all have a URL
        """Return the URL without its query, which may hold keys."""
        url = arguments.get("url")
        return url.split("?", 1)[0] if isinstance(url, str) else ""

    def find_requests(
        self,
        new: HttpGrant | None,
        old: HttpGrant | None,
        *,
        keep: bool,  # noqa: ARG002  hosts only add up
    ) -> Iterator[PermissionRequest]:
        """Return a request for each host that is not allowed yet."""
        known = old.allow if old else ()
        for host in dict.fromkeys(new.allow if new else ()):
            if host not in known:
                yield PermissionRequest(f"http:{host}", f"External requests to {host}")

    def compute_grant(
        self, new: HttpGrant | None, old: HttpGrant | None, given: Collection[str], *, keep: bool
    ) -> HttpGrant | None:
        """Return the hosts that were allowed and requested, or granted."""
        had = old.allow if old else ()
        asked_for = [host for host in (new.allow if new else ()) if host in had or f"http:{host}" in given]
        hosts = dict.fromkeys((*had, *asked_for) if keep else asked_for)
        # More than may be on a list is for the operator to sort out; nobody loses the list.
        return HttpGrant.model_construct(allow=tuple(hosts)) if hosts else None

    def find_misuse(self, text: str, grant: HttpGrant, *, is_whole: bool) -> tuple[str, str] | None:
        """Return message and fix for a URL that is not https, or whose host is not on the list."""
        found = _HOST.match(text)
        if found is None or not (found["end"] or is_whole):
            return None
        if found["scheme"].lower() != "https":
            return f"“{text[:60]}” is not fetched: only https is.", "Begin it with https://."
        host = found["host"].lower()
        if host in grant.allow:
            return None
        return (
            f"The host {host} is not on the list of what this brain may ask.",
            "Add it to the brain's settings under HTTP, or correct the address.",
        )


capability = HttpKind()
