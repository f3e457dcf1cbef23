"""HTTP requests of a connection, read by llhttp: size limits of a head, what a request asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httptools

# Never above gunicorn's own limits: what it would refuse, with a line in the log, does not reach it.
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_TARGET_BYTES: Final = 4_000
MAX_FIELD_BYTES: Final = 8_000
MAX_FIELDS: Final = 100

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"expect"})
_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"})


class BadRequestError(Exception):
    """Request that is refused by its head; `status` and text are the answer."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True, eq=False)
class HttpRequest:
    """One request; `body` holds what has arrived of it, `length` what was announced (None = chunked)."""

    method: str = ""
    target: bytes = b""
    path: str = ""  # as it was sent, without the query
    version: str = "1.1"
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    length: int | None = 0
    keeps_alive: bool = False
    is_complete: bool = False
    is_upgrade: bool = False
    # The first header of each name, in lower case.
    _index: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def query_string(self) -> str:
        """The query, without its question mark."""
        return self.target.partition(b"?")[2].decode("latin-1")

    def get(self, name: str, /) -> str | None:
        """Return the first header of a name, in any case."""
        value = self._index.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    def index_fields(self) -> None:
        """Let headers be found by their names; raises BadRequestError when the length of the body is not clear."""
        index = self._index
        for name, value in self.fields:
            key = name.lower()
            if key not in index:
                index[key] = value
            elif key in _FRAMING:
                raise _unclear_length()
        if index.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise _unclear_length()

    def build_head(self, version: str) -> bytes:
        """Return the head for another server, with our own framing; the body follows whole or as announced."""
        dropped = _FRAMING if self.is_upgrade else _FRAMING | _HOP_BY_HOP
        lines = [f"{self.method} ".encode() + self.target + f" HTTP/{version}".encode()]
        lines += [name + b": " + value for name, value in self.fields if name.lower() not in dropped]
        length = len(self.body) if self.is_complete else self.length
        if length or self.method in {"POST", "PUT", "PATCH"}:
            lines.append(b"Content-Length: %d" % (length or 0))
        if not self.is_upgrade:
            lines.append(b"Connection: close")
        return b"\r\n".join(lines) + b"\r\n\r\n"


class RequestReader:
    """Cuts the bytes of a connection into requests; calls back at each head, body part and end."""

    def __init__(
        self,
        on_head: Callable[[HttpRequest], None],
        on_part: Callable[[HttpRequest, bytes], None],
        on_end: Callable[[HttpRequest], None],
    ) -> None:
        self._on_head = on_head
        self._on_part = on_part
        self._on_end = on_end
        # Each holds the other: `drop` parts them.
        self._parser: Any = httptools.HttpRequestParser(self)
        self._request = HttpRequest()
        self._size = 0
        self._head_size = 0
        self._has_head = False
        self.is_inside = False  # a request has begun and not ended
        self.is_upgraded = False

    def read(self, data: bytes) -> bytes:
        """Read bytes and return those that belong to no request (after an upgrade); raises BadRequestError."""
        if not self._has_head:
            self._size += len(data)
        left: bytes | None = data
        while left is not None:
            left = self._parse(left)
            if left is not None and self.is_upgraded:
                return left
        if not self._has_head and self._size > MAX_HEAD_BYTES:
            raise _too_large()
        return b""

    @property
    def is_counted(self) -> bool:
        """Whether the bytes of a request were announced, and counted, when its head had come."""
        return self._has_head and self._request.length is not None

    def drop(self) -> None:
        """Let go of what has arrived: nothing more is read."""
        self._request.body = bytearray()
        self._parser = None
        self._on_head = self._on_part = self._on_end = _ignore

    def _parse(self, data: bytes) -> bytes | None:
        """Parse bytes and return what stands behind an upgrade; None when all was parsed."""
        try:
            if self._parser:
                self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An upgrade we do not know is no upgrade: what follows is the next request.
            self._parser = httptools.HttpRequestParser(self)
            return data[upgrade.args[0] :] if self.is_upgraded or len(data) > upgrade.args[0] else None
        except httptools.HttpParserCallbackError as error:
            raise (error.__context__ or error) from None
        except httptools.HttpParserError as error:
            raise BadRequestError("400 Bad Request", "This is no HTTP request.") from error
        return None

    def on_message_begin(self) -> None:
        """Begin a request (llhttp)."""
        self._request = HttpRequest()
        self._size = self._head_size = 0
        self.is_inside = True

    def on_url(self, part: bytes) -> None:
        """Take a part of the target (llhttp)."""
        self._request.target += part
        if len(self._request.target) > MAX_TARGET_BYTES:
            raise BadRequestError("414 URI Too Long", "The address is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (llhttp)."""
        fields = self._request.fields
        self._head_size += len(name) + len(value) + 4
        if (
            len(fields) >= MAX_FIELDS
            or len(name) + len(value) > MAX_FIELD_BYTES
            or self._head_size > MAX_HEAD_BYTES
        ):
            raise _too_large()
        fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Check a head and hand it on (llhttp)."""
        request, parser = self._request, self._parser
        request.method = parser.get_method().decode("latin-1")
        request.path = request.target.partition(b"?")[0].decode("latin-1")
        request.version = parser.get_http_version()
        request.keeps_alive = parser.should_keep_alive()
        if request.version not in {"1.0", "1.1"} or not request.target.startswith(b"/"):
            raise BadRequestError("400 Bad Request", "This is no request to a web server.")
        # Refused here is what gunicorn would refuse.
        request.index_fields()
        announced = request.get("content-length")
        is_chunked = request.get("transfer-encoding") is not None
        request.length = None if is_chunked else int(announced) if announced else 0
        request.is_upgrade = parser.should_upgrade() and (request.get("upgrade") or "").lower() == "websocket"
        self.is_upgraded = request.is_upgrade
        self._has_head = True
        self._on_head(request)

    def on_body(self, part: bytes) -> None:
        """Hand on a part of a body (llhttp)."""
        self._on_part(self._request, part)

    def on_message_complete(self) -> None:
        """End a request (llhttp)."""
        request = self._request
        request.is_complete = True
        self._has_head = self.is_inside = False
        self._on_end(request)


def _ignore(*_: object) -> None:
    """Do nothing with the rest of what was dropped."""


def _unclear_length() -> BadRequestError:
    return BadRequestError("400 Bad Request", "The length of the body is not clear.")


def _too_large() -> BadRequestError:
    return BadRequestError("431 Request Header Fields Too Large", "The headers are too large.")
