import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.brains import limits
from app.brains.capabilities.contract import CallContext, CallRefusal
from app.brains.capabilities.http import Http
from app.brains.capabilities.https import Https, Response
from app.brains.document.schema import Grants
from app.http_client.addresses import is_public, look_up
from tests.certificates import write_certificate

HOST = "api.example.com"
GRANTS = Grants.model_validate({"http": {"allow": [HOST, "other.example.com"]}})
ASKER = CallContext(1, GRANTS)
PUBLIC = "93.184.216.34"
METADATA = "169.254.169.254"


def catch_refusal(ask, *arguments: Any):
    with pytest.raises(CallRefusal) as caught:
        ask(*arguments)
    return caught.value.kind, str(caught.value)


class FakeTransport:
    """Notes what would go out, and answers."""

    def __init__(self, response=Response(200, {"content-type": "text/plain"}, b"fine")) -> None:  # noqa: B008
        self.sent = []
        self.response = response

    def __call__(self, request) -> Response:
        self.sent.append(request)
        return self.response


@pytest.fixture
def transport():
    return FakeTransport()


@pytest.fixture
def http(transport):
    return Http(lambda _host, _seconds: [PUBLIC], transport)


def test_a_plain_question_goes_to_the_resolved_address(http, transport):
    answer = http.answer(
        "http.get",
        {"url": "https://API.example.com:443/a?b=c#d", "params": {"q": "ü &", "n": [1, True]}},
        ASKER,
    )
    assert answer == {"status": 200, "text": "fine", "headers": {"content-type": "text/plain"}}
    request = transport.sent[0]
    assert (request.method, request.host, request.addresses) == ("GET", HOST, (PUBLIC,))
    assert request.path == "/a?b=c&q=%C3%BC+%26&n=1&n=true"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/",
        "ftp://api.example.com/",
        "//api.example.com/",
        "api.example.com",
        "https://api.example.com:80/",
        "https://api.example.com:8443/",
        "https://api.example.com:/",
        "https://api.example.com.evil.test/",
        "https://evil.test/",
        "https://evil.test/https://api.example.com/",
        "https://api.example.com@evil.test/",
        "https://user:pw@api.example.com/",
        "https://evil.test#@api.example.com/",
        "https://evil.test?@api.example.com/",
        "https://evil.test\\@api.example.com/",
        "https://api.example.com\\.evil.test/",
        "https://api.example.com./",
        "https://api.example.com%2eevil.test/",
        "https://api.example.com%00.evil.test/",
        "https://api.example.com\n.evil.test/",
        "https://api.example.com\t/",
        "https://api.example.com/\r\nX-Evil: 1",
        "https://api.example.com/ HTTP/1.1",
        " https://api.example.com/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://api。example。com/",
        "https://аpi.example.com/",
        "https://API.EXAMPLE.COM.ⅰ/",
        "https://xn--pi-7ka.example.com/",
        "https:/api.example.com/",
        "https:api.example.com",
        "https:///api.example.com",
        "https://",
        "",
        None,
        3,
        "https://api.example.com/" + "x" * 3_000,
    ],
)
def test_any_other_address_is_refused_before_it_is_looked_up(transport, url):
    looked = []
    http = Http(lambda host, _: looked.append(host) or [PUBLIC], transport)
    assert catch_refusal(http.answer, "http.get", {"url": url}, ASKER)[0] == "denied"
    assert (looked, transport.sent) == ([], [])


def test_an_allowed_host_is_named_in_the_refusal_of_another(http):
    assert (
        "evil.test is not allowed"
        in catch_refusal(http.answer, "http.get", {"url": "https://evil.test"}, ASKER)[1]
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        METADATA,
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "192.88.99.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "::127.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001::1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2606:4700::1%2",
        "5f00::1",
        "localhost",
        "",
    ],
)
def test_an_address_that_is_not_public_is_refused(transport, address):
    assert not is_public(address)
    for found in ([address], [PUBLIC, address], [address, PUBLIC]):
        http = Http(lambda _host, _seconds, found=found: found, transport)
        assert catch_refusal(http.answer, "http.get", {"url": f"https://{HOST}"}, ASKER)[0] == "denied"
    assert transport.sent == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is_public(address):
    assert is_public(address)


def test_a_host_without_an_address_is_named(transport):
    def nobody(_host, _seconds):
        raise OSError("no such name")

    assert (
        catch_refusal(Http(nobody, transport).answer, "http.get", {"url": f"https://{HOST}"}, ASKER)[0]
        == "upstream"
    )

    def slow(_host, _seconds):
        raise TimeoutError

    assert (
        catch_refusal(Http(slow, transport).answer, "http.get", {"url": f"https://{HOST}"}, ASKER)[0]
        == "timeout"
    )
    assert (
        catch_refusal(Http(lambda *_: [], transport).answer, "http.get", {"url": f"https://{HOST}"}, ASKER)[0]
        == "denied"
    )


def test_the_system_is_asked_within_the_time(monkeypatch):
    assert "127.0.0.1" in look_up("localhost", 5)
    with pytest.raises(OSError, match=r"known|found|address|resolution"):
        look_up("no-such-host.invalid", 5)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: time.sleep(1) or [])
    with pytest.raises(TimeoutError):
        look_up("slow.example.com", 0.05)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"Cookie": "a=b"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "keep-alive"},
        {"Proxy-Authorization": "x"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Bad name": "x"},
        {"X-": "x"},
        {"X-A\r\nB": "x"},
        {"Accept": "a\r\nX-Evil: 1"},
        {"Accept": "é"},
        {"Accept": 1},
        {"Accept": "x" * 5_000},
        {str(n): "x" for n in range(30)},
        [],
        "x",
    ],
)
def test_a_header_that_is_not_the_scripts_business_is_refused(http, transport, headers):
    assert (
        catch_refusal(http.answer, "http.get", {"url": f"https://{HOST}", "headers": headers}, ASKER)[0]
        == "denied"
    )
    assert transport.sent == []


def test_headers_of_a_service_are_sent(http, transport):
    given = {"Authorization": "Bearer x", "X-Api-Key": "k", "Accept": "application/json"}
    http.answer("http.get", {"url": f"https://{HOST}", "headers": given}, ASKER)
    assert transport.sent[0].headers == {
        "authorization": "Bearer x",
        "x-api-key": "k",
        "accept": "application/json",
    }


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ({"json": {"a": [1, "ü"]}}, b'{"a": [1, "\\u00fc"]}', "application/json"),
        ({"data": {"a": "b c", "n": 1}}, b"a=b+c&n=1", "application/x-www-form-urlencoded"),
        ({"data": "ü"}, "ü".encode(), "text/plain; charset=utf-8"),
        ({}, b"", "text/plain; charset=utf-8"),
        ({"json": 0}, b"0", "application/json"),
        ({"data": "<a/>", "headers": {"Content-Type": "text/xml"}}, b"<a/>", "text/xml"),
    ],
)
def test_a_body_is_encoded_and_named(http, transport, body, sent, kind):
    http.answer("http.post", {"url": f"https://{HOST}", **body}, ASKER)
    request = transport.sent[0]
    assert (request.method, request.body, request.headers["content-type"]) == ("POST", sent, kind)


@pytest.mark.parametrize(
    "more",
    [
        {"json": 1, "data": "x"},
        {"data": 3},
        {"data": {"a": {}}},
        {"json": float("nan")},
        {"params": "a=b"},
        {"params": {"a": {}}},
        {"params": {"a": "x" * 9_000}},
        {"proxy": "http://evil.test"},
        {"verify": False},
    ],
)
def test_what_cannot_be_sent_is_refused(http, transport, more):
    kind, _ = catch_refusal(http.answer, "http.post", {"url": f"https://{HOST}", **more}, ASKER)
    assert kind in {"denied", "limit"}
    assert transport.sent == []


def test_without_the_grant_nothing_is_asked(http, transport):
    assert (
        catch_refusal(http.answer, "http.get", {"url": f"https://{HOST}"}, CallContext(1, Grants()))[0]
        == "denied"
    )
    assert transport.sent == []


def test_a_redirect_is_not_followed_and_says_so(transport, http):
    transport.response = Response(302, {"location": f"http://{METADATA}/latest/"}, b"")
    answer = http.answer("http.get", {"url": f"https://{HOST}"}, ASKER)
    assert answer["status"] == 302
    assert f"redirects to http://{METADATA}/latest/. Redirects are not followed" in answer["text"]
    assert len(transport.sent) == 1


def test_cookies_stay_behind_and_texts_are_storable(transport, http):
    headers = {"set-cookie": "a=b", "content-type": "text/html; charset=latin1", "x": "a\0\ud800"}
    transport.response = Response(200, headers, "é\0".encode("latin1"))
    answer = http.answer("http.get", {"url": f"https://{HOST}"}, ASKER)
    assert answer["text"] == "é\ufffd"
    assert answer["headers"] == {"content-type": "text/html; charset=latin1", "x": "a\ufffd?"}
    for charset in ("rot13", "zip", "idna", "utf-7", "\0", "x" * 99):
        transport.response = Response(200, {"content-type": f"text/plain; charset={charset}"}, b"abc\xff")
        assert http.answer("http.get", {"url": f"https://{HOST}"}, ASKER)["text"] == "abc\ufffd"


# Real sockets from here on.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for HOST that signs itself: (path of certificate and key)."""
    return write_certificate(tmp_path_factory.mktemp("tls") / "server.pem", HOST)


@pytest.fixture
def serve(certificate) -> Iterator[Callable[..., Any]]:
    """Start servers on 127.0.0.1 that read one request a connection and answer by a function (connection, request)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running = []

    def start(answer, address="127.0.0.1", port=0):
        listener = socket.create_server((address, port))
        running.append(listener)
        requests = []
        threading.Thread(target=accept, args=(listener, context, answer, requests), daemon=True).start()
        return listener.getsockname()[1], requests

    yield start
    for listener in running:
        listener.close()


def accept(listener, context, answer, requests):
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                request = read_request(connection)
                requests.append(request)
                answer(connection, request)
        except OSError:
            plain.close()


def read_request(connection):
    """Read a request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answer_with(payload):
    return lambda connection, _request: connection.sendall(payload)


@pytest.fixture
def ask(certificate):
    """Ask a server on loopback as if it were HOST, trusting its certificate."""

    def go(port, method="http.get", resolve=lambda *_: ["127.0.0.1"], **arguments: Any):
        trusted = ssl.create_default_context(cafile=str(certificate))
        http = Http(resolve, Https(trusted, port), permits=lambda address: address.startswith("127."))
        return http.answer(method, {"url": f"https://{HOST}/p", **arguments}, ASKER)

    return go


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def test_a_real_exchange_is_plain_and_signed_brainbox(serve, ask):
    port, requests = serve(answer_with(OK + b'{"a": 1}'))
    answer = ask(port, "http.post", json={"q": 1}, headers={"X-Key": "k"})
    assert json.loads(answer["text"]) == {"a": 1}
    head, body = requests[0].decode().split("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "POST /p HTTP/1.1"
    assert {"Host: api.example.com", "User-Agent: Brainbox", "x-key: k", "Connection: close"} <= set(lines)
    assert body == '{"q": 1}'
    assert not any(line.lower().startswith("cookie") for line in lines)


def test_the_checked_address_is_the_one_that_is_asked(serve, ask):
    """The name answers with another address the second time; nobody asks a second time."""
    port, requests = serve(answer_with(OK + b"good"))
    _, other = serve(answer_with(OK + b"bad"), "127.0.0.2", port)
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    looked = []

    def changing(host, _seconds):
        looked.append(host)
        return answers[min(len(looked) - 1, 1)]

    assert ask(port, resolve=changing)["text"] == "good"
    assert (looked, len(requests), other) == ([HOST], 1, [])


def test_proxies_of_the_environment_are_not_used(serve, ask, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    port, _ = serve(answer_with(OK + b"direct"))
    assert ask(port)["text"] == "direct"


def test_a_redirect_to_the_metadata_service_leads_nowhere(serve, ask):
    port, requests = serve(
        answer_with(
            f"HTTP/1.1 302 Found\r\nLocation: http://{METADATA}/\r\nContent-Length: 0\r\n\r\n".encode()
        )
    )
    answer = ask(port)
    assert (answer["status"], len(requests)) == (302, 1)
    assert "not followed" in answer["text"]


@pytest.fixture
def short_timeout(monkeypatch):
    """Half a second instead of five."""
    monkeypatch.setattr(limits, "HTTP_SECONDS", 0.5)


def drip(before, piece):
    def answer(connection, _request):
        connection.sendall(before)
        for _ in range(200):
            connection.sendall(piece)
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(OK, b"x"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda _connection, _request: time.sleep(3),
    ],
    ids=["body", "headers", "one-header", "chunks", "continue", "silence"],
)
@pytest.mark.usefixtures("short_timeout")
def test_a_server_that_drips_is_left_in_time(serve, ask, answer):
    port, _ = serve(answer)
    began = time.monotonic()
    assert catch_refusal(ask, port)[0] == "timeout"
    assert time.monotonic() - began < 2


@pytest.mark.usefixtures("short_timeout")
def test_a_server_that_never_shakes_hands_is_left_in_time(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        assert catch_refusal(ask, listener.getsockname()[1])[0] == "timeout"
        assert time.monotonic() - began < 2


def flood(before, piece, after=b""):
    def answer(connection, _request):
        connection.sendall(before)
        for _ in range(400):
            connection.sendall(piece)
        connection.sendall(after)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        flood(OK, b"x" * 1024),
        flood(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", b"x" * 1024),
        flood(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400\r\n" + b"x" * 1024 + b"\r\n",
            b"0\r\n\r\n",
        ),
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"x" * 1024),
        flood(b"", b"HTTP/1.1 100 Continue\r\n" + b"X-A: b\r\n" * 120 + b"\r\n"),
    ],
    ids=["open", "declared", "chunked", "negative-chunk", "continue"],
)
def test_a_large_answer_is_not_read_to_its_end(serve, ask, answer):
    port, _ = serve(answer)
    kind, words = catch_refusal(ask, port)
    assert kind in {"limit", "upstream"}
    if kind == "limit":
        assert "256 KB" in words


def test_an_answer_of_just_the_limit_is_read(serve, ask):
    port, _ = serve(answer_with(OK + b"x" * limits.HTTP_BYTES))
    assert len(ask(port)["text"]) == limits.HTTP_BYTES


@pytest.mark.parametrize(
    "payload", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"\0" * 999]
)
def test_nonsense_is_a_failure_of_the_other_side(serve, ask, payload):
    port, _ = serve(answer_with(payload))
    assert catch_refusal(ask, port)[0] == "upstream"


def test_a_certificate_that_nobody_trusts_is_refused(serve, certificate):
    port, requests = serve(answer_with(OK))
    strange = Http(lambda *_: ["127.0.0.1"], Https(port=port), permits=lambda _: True)
    kind, words = catch_refusal(strange.answer, "http.get", {"url": f"https://{HOST}"}, ASKER)
    assert kind == "upstream"
    assert "certificate" in words
    trusted = ssl.create_default_context(cafile=str(certificate))
    named = Http(lambda *_: ["127.0.0.1"], Https(trusted, port), permits=lambda _: True)
    assert (
        "certificate"
        in catch_refusal(named.answer, "http.get", {"url": "https://other.example.com"}, ASKER)[1]
    )
    assert requests == []


def test_a_second_address_is_tried_when_the_first_does_not_listen(serve, ask):
    port, requests = serve(answer_with(OK + b"fine"))
    assert ask(port, resolve=lambda *_: ["127.0.0.3", "127.0.0.1"])["text"] == "fine"
    assert len(requests) == 1


def test_nobody_listening_is_a_failure_of_the_other_side(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert catch_refusal(ask, port)[0] == "upstream"
