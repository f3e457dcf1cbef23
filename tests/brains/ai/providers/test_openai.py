"""A provider over real HTTP: answers, refusals in plain words, tries, time, addresses and keys."""

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from app.brains.ai.contract import AiRequest, Endpoint, ProviderError
from app.brains.ai.providers.openai.client import Client, ClientEnvironment
from bench.fake_ai import FakeAi, Fault, running

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def fake() -> Iterator[FakeAi]:
    with running(key=KEY) as server:
        yield server


@pytest.fixture
def sleeps_s() -> list[float]:
    return []


@pytest.fixture
def client(fake: FakeAi, sleeps_s: list[float]) -> Iterator[Client]:
    nature = ClientEnvironment(sleep=sleeps_s.append, jitter=lambda: 0.5)
    made = Client(Endpoint("home", fake.url, "fake-small", KEY), nature, allow_private=True)
    yield made
    made.close()


def build_request(text: str = "hello", **more: Any) -> AiRequest:
    return AiRequest([{"role": "user", "content": text}], **more)


def catch_error(call: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(ProviderError) as caught:
        call(*args)
    return caught.value.kind, str(caught.value)


def test_a_question_is_answered_and_counted(client: Client, fake: FakeAi):
    answer = client.complete(build_request(model="fake-large", temperature=0.2, max_tokens=9))
    assert (answer.text, answer.provider, answer.model) == ("You asked: hello", "home", "fake-large")
    assert (answer.tokens_in, answer.tokens_out) == (1, 3)
    sent = fake.asked[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("fake-large", 0.2, 9)


def test_without_options_the_provider_decides(client: Client, fake: FakeAi):
    client.complete(build_request())
    assert fake.asked[0] == {"model": "fake-small", "messages": [{"role": "user", "content": "hello"}]}


def test_models_are_listed(client: Client):
    assert client.list_models() == ["fake-large", "fake-small"]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(403), "upstream", "does not accept the key"),
        (Fault(404), "upstream", "does not know this model"),
        (Fault(400, {"message": "Too  long\nquestion"}), "upstream", "(400): Too long question"),
        (Fault(400, {"message": f"not {KEY[:12]}"}), "upstream", "did not accept the question (400)."),
        (Fault(500), "upstream", "trouble of its own (500)"),
        (Fault(302, headers={"Location": "http://127.0.0.1:9/"}), "upstream", "(302)"),
        (Fault(429, {"code": "insufficient_quota"}), "limit", "no credit left"),
        (Fault(200, raw=b"<html>"), "upstream", "home gave an answer"),
        (Fault(200, raw=b"[1]"), "upstream", "home gave an answer"),
        (Fault(200, raw=b'{"choices": 3, "usage": []}'), "upstream", "without words"),
        (Fault(200, raw=b'{"x": "' + b"y" * 3_000_000 + b'"}'), "limit", "too large"),
        (
            Fault(200, raw=gzip.compress(b"0" * 9_000), headers={"Content-Encoding": "gzip"}),
            "upstream",
            "packed",
        ),
    ],
)
def test_every_failure_is_told_once_in_plain_words(
    client: Client, fake: FakeAi, fault: Fault, kind: str, words: str
):
    fake.faults.append(fault)
    told = catch_error(client.complete, build_request())
    assert told[0] == kind
    assert words in told[1]
    assert KEY[:6] not in told[1]
    assert len(fake.asked) == 1


def test_what_was_turned_away_is_asked_again(client: Client, fake: FakeAi, sleeps_s: list[float]):
    fake.faults += [Fault(429, headers={"Retry-After": "2"}), Fault(503)]
    assert client.complete(build_request()).text == "You asked: hello"
    assert (len(fake.asked), sleeps_s) == (3, [2.0, 1.5])


def test_patience_ends(client: Client, fake: FakeAi, sleeps_s: list[float]):
    fake.faults += [Fault(429)] * 4
    assert catch_error(client.complete, build_request())[0] == "limit"
    assert len(fake.asked) == 3
    fake.faults.clear()
    fake.faults.append(Fault(429, headers={"Retry-After": "60"}))
    assert catch_error(client.complete, build_request())[0] == "limit"
    assert len(sleeps_s) == 2


def test_a_newer_model_gets_its_limit_by_the_newer_name(client: Client, fake: FakeAi):
    fake.faults.append(Fault(400, {"message": "Use another", "param": "max_tokens"}))
    assert client.complete(build_request(max_tokens=7)).text
    assert fake.asked[1]["max_completion_tokens"] == 7
    assert "max_tokens" not in fake.asked[1]


def test_a_slow_answer_ends_in_time_and_is_not_asked_for_again(client: Client, fake: FakeAi):
    fake.gate.clear()
    began = time.monotonic()
    kind, words = catch_error(client.complete, build_request("slow", seconds=0.5))
    assert kind == "timeout"
    assert "did not answer within" in words
    assert time.monotonic() - began < 10
    assert len(fake.asked) == 1


def test_an_answer_that_drips_ends_in_time_too(client: Client, fake: FakeAi, monkeypatch: pytest.MonkeyPatch):
    done = threading.Event()

    def drip(self: Any, status: int, _body: bytes, _headers: Any) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 %d OK\r\nX-Drip: " % status)
            while not done.wait(0.05):
                self.wfile.write(b"x")
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    monkeypatch.setattr(fake.RequestHandlerClass, "_send_bytes", drip)
    began = time.monotonic()
    try:
        assert catch_error(client.complete, build_request(seconds=0.6))[0] == "timeout"
    finally:
        done.set()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_a_private_address_is_not_asked(fake: FakeAi, host: str):
    port = fake.server_address[1]
    client = Client(Endpoint("inner", f"http://{host}:{port}/v1", "m", KEY), ClientEnvironment())
    kind, words = catch_error(client.complete, build_request())
    assert kind == "denied"
    assert "AI_ALLOW_PRIVATE" in words
    assert fake.asked == []
    client.close()


def test_nobody_there_is_tried_again_and_told(sleeps_s: list[float]):
    endpoint = Endpoint("gone", "http://127.0.0.1:1/v1", "m", KEY)
    client = Client(
        endpoint, ClientEnvironment(sleep=sleeps_s.append, jitter=lambda: 0.5), allow_private=True
    )
    assert "could not be reached" in catch_error(client.complete, build_request())[1]
    assert sleeps_s == [0.5, 1.5]
    client.close()


def test_a_wrong_key_is_quoted_nowhere(
    fake: FakeAi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    other = "sk-another-key-9876543210"
    client = Client(Endpoint("home", fake.url, "m", other), ClientEnvironment(), allow_private=True)
    assert "does not accept the key" in catch_error(client.complete, build_request())[1]
    client.close()
    written = caplog.text + "".join(capfd.readouterr()) + repr(Endpoint("home", fake.url, "m", other))
    assert other not in written


def test_proxies_of_the_environment_are_not_used(client: Client, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert client.complete(build_request()).text
