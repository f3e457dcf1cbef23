"""IP addresses of hosts: resolved once with a time limit; private networks refused."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# What `is_global` lets through on some versions of Python, or what leads elsewhere.
_NON_PUBLIC_NETWORKS = tuple(
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

# Returns the addresses of a host within some seconds; raises OSError, TimeoutError.
Resolver = Callable[[str, float], list[str]]


class AddressRefusal(Exception):
    """Refusal to connect to a host; `kind`: timeout, upstream (no such host) or denied."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet, also after mapping or translation."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip not in _GLOBAL_6):
        return False  # NAT64, mapped and local addresses all lie outside
    if any(ip.version == net.version and ip in net for net in _NON_PUBLIC_NETWORKS):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def resolve_host(host: str, resolve: Resolver, permits: Callable[[str], bool], seconds: float) -> list[str]:
    """Resolve a host once and return the addresses to use; raises AddressRefusal when one is not public."""
    try:
        found = resolve(host, seconds)
    except TimeoutError as error:
        raise AddressRefusal("timeout", f"The name {host} could not be looked up in time.") from error
    except OSError as error:
        raise AddressRefusal("upstream", f"There is no host {host}. Check the name.") from error
    if not found or not all(permits(address) for address in found):
        raise AddressRefusal("denied", f"{host} leads to an address that is not public, so it is not asked.")
    return found


def look_up(host: str, seconds: float) -> list[str]:
    """Resolve a host's addresses by the system, IPv4 first; raises OSError, TimeoutError after `seconds`."""
    future: Future[list[str]] = Future()
    # The system's resolver knows no time-out: a thread waits for it as long as it likes.
    threading.Thread(target=_resolve_into, args=(host, future), name="look-up", daemon=True).start()
    return future.result(seconds)


def _resolve_into(host: str, future: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        future.set_exception(OSError(str(error)))
        return
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    future.set_result([str(entry[4][0]) for entry in found])
