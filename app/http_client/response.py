"""Response of a server, read by llhttp: interim answers, size of the head, length of the body, what may follow it."""

from dataclasses import dataclass
from typing import Any, Final

import httptools

# The heads of interim answers count as well.
MAX_HEAD_BYTES: Final = 32 * 1024
# Chunks of one byte each are six times as long as what is in them.
_RAW_FACTOR: Final = 8
_SWITCHING: Final = 101


class UnreadableResponseError(Exception):
    """Bytes that are no answer, or a head that is too long; the text says which."""


@dataclass(slots=True)
class HttpResponse:
    """An answer whose status was read.

    `body` is None when it was longer than the limit, or broke off: then `interruption` says why, in plain words.
    """

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes | None
    interruption: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case; one that comes again is joined by commas."""
        found: dict[str, str] = {}
        for raw_name, raw_value in self.fields:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found


class ResponseReader:
    """Reads the answers of one connection, one after the other: `begin`, then `read` until `is_complete`."""

    def __init__(self) -> None:
        # Each holds the other: `drop` parts them.
        self._parser: Any = httptools.HttpResponseParser(self)
        self.begin(0)

    def begin(self, max_body: int) -> None:
        """Expect an answer with a body of at most so many bytes."""
        self.status = 0
        self.is_complete = False
        self.keeps_alive = False
        self._max_body = max_body
        self._limit = MAX_HEAD_BYTES
        self._read_bytes = self._body_bytes = 0
        self._parts: list[bytes] = []
        self._open_fields: list[tuple[bytes, bytes]] = []
        self._fields = self._open_fields
        self._is_too_long = False

    def read(self, data: bytes) -> None:
        """Read bytes; raises UnreadableResponseError."""
        while data and not self.is_complete:
            # Cut at the limits, so that an answer is the same however its bytes arrive.
            room = self._limit - self._read_bytes
            part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._read_bytes += len(part)
            self._feed(part)
            if self._read_bytes >= self._limit and not self.is_complete:
                self._refuse_more()
        if data:
            self.keeps_alive = False

    def _feed(self, part: bytes) -> None:
        try:
            self._parser.feed_data(part)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.is_complete:
                raise UnreadableResponseError("the answer was no HTTP") from None
            # What follows the answer is none; it stays the answer.
            self.keeps_alive = False

    def _refuse_more(self) -> None:
        if not self.status:
            raise UnreadableResponseError("the head of the answer was too long")
        self._end_too_long()

    def _end_too_long(self) -> None:
        self._is_too_long = self.is_complete = True
        self.keeps_alive = False

    def end_at_close(self) -> bool:
        """Tell whether the answer is whole, now that the server has closed: one that named no length is."""
        names = {name.lower(): value for name, value in self._fields}
        is_chunked = names.get(b"transfer-encoding", b"").lower().endswith(b"chunked")
        if self.status and not (is_chunked or b"content-length" in names):
            self.is_complete = True
        return self.is_complete

    def build_response(self, interruption: str = "") -> HttpResponse:
        """Return the answer; with `interruption` it broke off for this reason."""
        body = None if interruption or self._is_too_long else b"".join(self._parts)
        return HttpResponse(self.status, self._fields, body, interruption)

    def drop(self) -> None:
        """Let go of what has arrived: nothing more is read."""
        self._parser = None
        self._parts = []

    def on_message_begin(self) -> None:
        """Begin an answer (llhttp)."""
        if self.is_complete:
            # One that nobody has asked for.
            self.keeps_alive = False
        else:
            self._open_fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer, which is left out (llhttp)."""
        self._open_fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the status, unless an answer was only announced (llhttp)."""
        status = self._parser.get_status_code()
        if status < 100:
            raise UnreadableResponseError
        if self.is_complete or (status < 200 and status != _SWITCHING):
            return
        self.status = status
        self._fields, self._open_fields = self._open_fields, []
        self.keeps_alive = self._parser.should_keep_alive()
        self._limit = 2 * MAX_HEAD_BYTES + _RAW_FACTOR * self._max_body
        if status == _SWITCHING:
            self.is_complete, self.keeps_alive = True, False

    def on_body(self, part: bytes) -> None:
        """Take a part of the body (llhttp)."""
        if self.is_complete:
            return
        self._body_bytes += len(part)
        if self._body_bytes > self._max_body:
            self._end_too_long()
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """End an answer, unless it was only announced (llhttp)."""
        if self.status:
            self.is_complete = True
