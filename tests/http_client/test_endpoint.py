"""Endpoints: addresses, and headers that could begin another one."""

import pytest

from app.http_client import BadAddressError, BadHeaderError, build_endpoint
from app.http_client.endpoint import Server


@pytest.mark.parametrize(
    ("url", "server", "target", "host"),
    [
        ("https://graph.facebook.com/v25.0/1", (True, "graph.facebook.com", 443), "/v25.0/1", "graph.facebook.com"),
        ("http://Graph:8080?a=b&c=%20", (False, "graph", 8080), "/?a=b&c=%20", "graph:8080"),
        ("http://[::1]:9/a%2Fb", (False, "::1", 9), "/a%2Fb", "[::1]:9"),
        ("https://bücher.de:443/ü?ü", (True, "xn--bcher-kva.de", 443), "/%C3%BC?%C3%BC", "xn--bcher-kva.de"),
        ("http://host/a#part", (False, "host", 80), "/a", "host"),
    ],
)  # fmt: skip
def test_an_address_becomes_a_server_and_a_head(
    url: str, server: tuple[bool, str, int], target: str, host: str
):
    endpoint = build_endpoint(url, {"X-Empty": "", "X-Latin": "ü"})
    assert endpoint.server == Server(*server)
    lines = (
        f"POST {target} HTTP/1.1",
        f"Host: {host}",
        "Accept-Encoding: identity",
        "X-Empty: ",
        "X-Latin: ü",
    )
    assert endpoint.head == "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")


@pytest.mark.parametrize(
    "url",
    [
        "", "graph", "ftp://graph", "http://", "http:///path", "http://host:99999", "http://host:0", "http://host:x",
        "http://[::1", "http://a..b/", "http://name:word@host/", "http://ho st/", "http://host/a b",
        "http://host/a\r\nX: 1", "http://host/\na", "http://ho\tst/", "http://host/\x00", f"http://{'a' * 64}/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str):
    with pytest.raises(BadAddressError):
        build_endpoint(url, {})


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\rb", "a\0b", "\r", "a\x7fb", "“quoted”", "a\x85b"])
def test_a_value_that_would_end_its_header_is_refused(value: str):
    with pytest.raises(BadHeaderError, match="Authorization") as caught:
        build_endpoint("http://host/", {"Authorization": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a:", "a\r\n", "ü", "Content-Length", "host", "Transfer-Encoding", "Connection", "expect"],
)
def test_a_name_that_is_none_or_frames_the_request_is_refused(name: str):
    with pytest.raises(BadHeaderError):
        build_endpoint("http://host/", {name: "1"})


def test_a_token_shows_in_no_text_of_an_endpoint():
    assert "secret" not in repr(build_endpoint("http://host/", {"Authorization": "Bearer secret"}))
