"""URL policy of `ctx.http`: https only, exact host names from the permission."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from app.brains import limits
from app.brains.capabilities.contract import CallRefusal
from app.immutable import immutable

# Printable ASCII without space, quotes, backslash and the like; a host with nothing around it but :443.
_URL = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253})(?::443)?(?P<path>/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*)?"
    r"(?:\?(?P<query>[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z{|}~]*))?(?:#[!-~]*)?",
    re.IGNORECASE,
)


@immutable
class Target:
    """Parsed URL: `url` is sent, `path` holds the query."""

    host: str
    path: str

    @property
    def url(self) -> str:
        """The URL as it is requested."""
        return f"https://{self.host}{self.path}"


def read_url(url: Any, params: Any, allowed: Collection[str]) -> Target:
    """Parse a URL; raises CallRefusal unless it is https on one of the `allowed` hosts."""
    if type(url) is not str or len(url) > limits.LINK_CHARS:
        raise CallRefusal(
            "denied", f"The address must be a text of at most {limits.LINK_CHARS:,} characters."
        )
    match = _URL.fullmatch(url)
    if match is None:
        raise CallRefusal(
            "denied",
            "The address must look like https://api.example.com/path: https, the host's name, "
            "plain characters. Give values with params=.",
        )
    host = match["host"].lower()
    if host not in allowed:
        raise CallRefusal(
            "denied", f"The host {host[:100]} is not allowed. Add it to the brain's settings under HTTP."
        )
    query = "&".join(filter(None, (match["query"], _encode_query(params))))
    return Target(host, (match["path"] or "/") + (f"?{query}" if query else ""))


def _encode_query(params: Any) -> str:
    if params is None:
        return ""
    if type(params) is not dict or len(params) > 50:
        raise CallRefusal("denied", "params must be a dictionary of at most 50 entries.")
    query = encode_form(params)
    if len(query) > 4 * limits.LINK_CHARS:
        raise CallRefusal("limit", "params are too long. Send them with ctx.http.post instead.")
    return query


def encode_form(values: Mapping[str, Any]) -> str:
    """Encode values as a web form; raises CallRefusal for values that are no text, number or list of these."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        for item in value if type(value) is list else [value]:
            if type(item) not in {str, int, float, bool}:
                raise CallRefusal(
                    "denied", f"“{str(name)[:40]}” must be a text, a number or a list of these."
                )
            pairs.append((name, str(item).lower() if type(item) is bool else str(item)))
    return urlencode(pairs, errors="replace")
