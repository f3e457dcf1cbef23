"""Door of the logging service in any WSGI server: `POST /api/logs`, in front of sessions and pages (PEP 3333)."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app.logs.ingest import MAX_BODY, PATH, LogEndpoint, get_status_line


def mount(endpoint: LogEndpoint, inner: WSGIApplication) -> WSGIApplication:
    """Return a WSGI callable that answers events and passes every other request on to `inner`."""

    def door(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            return inner(environ, start_response)
        answer = endpoint.answer_blocking(
            environ["REQUEST_METHOD"], _EnvironHeaders(environ), _read_body(environ)
        )
        length = ("Content-Length", str(len(answer.body)))
        start_response(get_status_line(answer.status), [*answer.headers, length])
        return [answer.body]

    return door


def _read_body(environ: WSGIEnvironment) -> bytes | None:
    """Read the body; None beyond the limit."""
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced.isdigit():
        return environ["wsgi.input"].read(int(announced)) if int(announced) <= MAX_BODY else None
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return b""
    body = environ["wsgi.input"].read(MAX_BODY + 1)
    return body if len(body) <= MAX_BODY else None


class _EnvironHeaders:
    """The headers of a WSGI environment."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def get(self, name: str, /) -> str | None:
        key = name.upper().replace("-", "_")
        return self._environ.get(key if key == "CONTENT_TYPE" else f"HTTP_{key}")
