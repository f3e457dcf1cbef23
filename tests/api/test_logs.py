"""The door in a WSGI server: it stands in front of pages, reads bodies of either framing, and passes the rest on."""

import io
from typing import Any

import pytest
from flask import Flask

from app.api import logs
from app.logs.ingest import MAX_BODY


@pytest.fixture
def call(installation: Flask):
    """Call the door as a WSGI server does; what it passes on is answered “page”."""
    endpoint = installation.extensions["services"].logs.endpoint

    def page(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"page"]

    door = logs.mount(endpoint, page)

    def send(path: str, body: bytes = b"", **environ: str) -> tuple[str, bytes]:
        told: list[str] = []
        given = {"PATH_INFO": path, "REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body), **environ}
        answer = b"".join(door(given, lambda status, _headers: told.append(status)))  # type: ignore[arg-type]
        return told[0], answer

    return send


def test_another_path_is_passed_on(call):
    assert call("/dashboard") == ("200 OK", b"page")
    assert call("/api/logs/more") == ("200 OK", b"page")


def test_a_stranger_is_refused_here(call):
    status, body = call("/api/logs", b"{}", CONTENT_LENGTH="2")
    assert status == "401 Unauthorized"
    assert b"Bearer" in body


@pytest.mark.parametrize(
    "framing", [{"CONTENT_LENGTH": str(MAX_BODY + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"}]
)
def test_a_body_of_any_framing_is_bounded(call, installation: Flask, framing: dict[str, str]):
    from app.logs.sources import SourceInput, create_source  # noqa: PLC0415

    services = installation.extensions["services"]
    made = services.database.write(lambda s: create_source(s, SourceInput("shop"), services.clock()))
    environ = {"HTTP_AUTHORIZATION": f"Bearer {made.token}", "CONTENT_TYPE": "application/json", **framing}
    assert call("/api/logs", b"x" * (MAX_BODY + 1), **environ)[0] == "413 Content Too Large"
    small = {**environ, "CONTENT_LENGTH": "13"} if "CONTENT_LENGTH" in framing else environ
    assert call("/api/logs", b'{"text": "x"}', **small)[0] == "202 Accepted"
