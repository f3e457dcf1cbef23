"""Limits of a request: seconds to connect, to the next byte and in all; bytes of the answer's body."""

from app.immutable import immutable


@immutable
class HttpLimits:
    """How long a request may take and how much may be answered.

    `connect_s`: to wait for a free connection or make one, TLS included. `answer_s`: from the request, or the last byte
    of the answer, to the next. `total_s`: in all. A body of more than `max_body` bytes is not read to its end.
    """

    connect_s: float = 5
    answer_s: float = 20
    total_s: float = 30
    max_body: int = 64 * 1024
