"""Where a call may go: exact hosts over https, resolved once, public addresses only."""

import re
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlencode

from app.brains import limits
from app.brains.capabilities.contract import CallRefused

# Printable ASCII without space, quotes, backslash and the like; a host with nothing around it but :443.
_URL = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253})(?::443)?(?P<path>/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*)?"
    r"(?:\?(?P<query>[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z{|}~]*))?(?:#[!-~]*)?",
    re.IGNORECASE,
)
# What `is_global` lets through on some versions of Python, or what leads elsewhere.
_ELSEWHERE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "240.0.0.0/4",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    )
)
_GLOBAL_6: Final = ip_network("2000::/3")

Resolve = Callable[[str, float], list[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart and written again: `url` is what goes out, `path` holds the query."""

    host: str
    path: str

    @property
    def url(self) -> str:
        """The address as it is asked."""
        return f"https://{self.host}{self.path}"


def read_url(url: Any, params: Any, allowed: Collection[str]) -> Target:
    """Take an address apart; raises CallRefused unless it is https on one of the `allowed` hosts."""
    if type(url) is not str or len(url) > limits.LINK_CHARS:
        raise CallRefused(
            "denied", f"The address must be a text of at most {limits.LINK_CHARS:,} characters."
        )
    match = _URL.fullmatch(url)
    if match is None:
        raise CallRefused(
            "denied",
            "The address must look like https://api.example.com/path: https, the host's name, "
            "plain characters. Give values with params=.",
        )
    host = match["host"].lower()
    if host not in allowed:
        raise CallRefused(
            "denied", f"The host {host[:100]} is not allowed. Add it to the brain's settings under HTTP."
        )
    query = "&".join(filter(None, (match["query"], _query(params))))
    return Target(host, (match["path"] or "/") + (f"?{query}" if query else ""))


def _query(params: Any) -> str:
    if params is None:
        return ""
    if type(params) is not dict or len(params) > 50:
        raise CallRefused("denied", "params must be a dictionary of at most 50 entries.")
    query = form(params)
    if len(query) > 4 * limits.LINK_CHARS:
        raise CallRefused("limit", "params are too long. Send them with ctx.http.post instead.")
    return query


def form(values: Mapping[str, Any]) -> str:
    """Encode values as a web form does; raises CallRefused for what is no text, number or list of these."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        for item in value if type(value) is list else [value]:
            if type(item) not in {str, int, float, bool}:
                raise CallRefused(
                    "denied", f"“{str(name)[:40]}” must be a text, a number or a list of these."
                )
            pairs.append((name, str(item).lower() if type(item) is bool else str(item)))
    return urlencode(pairs, errors="replace")


def is_public(address: str) -> bool:
    """Tell whether an address lies in the open internet, and leads nowhere else by mapping or translation."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip not in _GLOBAL_6):
        return False  # NAT64, mapped and local addresses all lie outside
    if any(ip.version == net.version and ip in net for net in _ELSEWHERE):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def pinned(host: str, resolve: Resolve, permits: Callable[[str], bool], seconds: float) -> list[str]:
    """Resolve a host once and return the addresses to use; raises CallRefused when one of them is not public."""
    try:
        found = resolve(host, seconds)
    except TimeoutError as error:
        raise CallRefused("timeout", f"The name {host} could not be looked up in time.") from error
    except OSError as error:
        raise CallRefused("upstream", f"There is no host {host}. Check the name.") from error
    if not found or not all(permits(address) for address in found):
        raise CallRefused("denied", f"{host} leads to an address that is not public, so it is not asked.")
    return found


def look_up(host: str, seconds: float) -> list[str]:
    """Ask the system for a host's addresses, version 4 first; raises OSError, TimeoutError after `seconds`."""
    future: Future[list[str]] = Future()
    # The system's resolver knows no time-out: a thread waits for it as long as it likes.
    threading.Thread(target=_look_up, args=(host, future), name="look-up", daemon=True).start()
    return future.result(seconds)


def _look_up(host: str, future: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        future.set_exception(OSError(str(error)))
        return
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    future.set_result([str(entry[4][0]) for entry in found])
