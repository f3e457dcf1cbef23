"""Webhook address of a channel: as it is entered at the provider, and whether the provider can reach it."""

from typing import Final
from urllib.parse import urlsplit

from flask import request

from app.http_client import addresses
from app.services import services

# Names that only a machine or its own network knows (RFC 6761, RFC 6762).
_LOCAL_ENDINGS: Final = (".local", ".localhost", ".internal", ".lan", ".test")


def build_public_url(path: str) -> str:
    """Return the address of a path as a provider calls it, and whoever is sent a link."""
    base = services().settings.public_url or request.url_root.rstrip("/")
    return f"{base}{path}"


def is_public_address(url: str) -> bool:
    """Tell whether a provider may reach an address: https at a name or an IP address of the public internet."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host or host.replace(".", "").isdigit():
        return parts.scheme == "https" and addresses.is_public(host)
    return parts.scheme == "https" and "." in host and not host.endswith(_LOCAL_ENDINGS)
