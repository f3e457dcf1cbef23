"""The fake Graph API agrees with captured answers and refuses what Meta's schema refuses."""

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.fake_graph import ThreadedGraph, running
from bench.graph import FakeGraph, Options
from bench.graph_answers import REFUSALS, refusal
from bench.graph_statuses import StatusOptions
from bench.poster import signature_line
from bench.wire import Answer, Message, Server, parse

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "whatsapp_openapi"
ROWS: list[dict[str, Any]] = json.loads((SHARED / "graph_responses.json").read_text())
EXAMPLES: dict[str, Any] = json.loads((SHARED / "outbound_examples.json").read_text())
REQUESTS: list[dict[str, Any]] = json.loads((SHARED / "pywa_4_5_0_requests.json").read_text())
PHONE = "106540352242922"
TEXT = {"messaging_product": "whatsapp", "to": "16505551234", "type": "text", "text": {"body": "hello"}}
AUTHORIZED = {"Authorization": "Bearer token-1"}


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    schema = SHARED / "outbound_message.schema.json"
    with running(Options(token="token-1", phones=frozenset({PHONE}), schema=schema)) as fake:
        yield fake


def call(graph: FakeGraph, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    connection = http.client.HTTPConnection(urlsplit(graph.url).netloc, timeout=5)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.request(method, path, data, {**AUTHORIZED, **headers})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(content) if is_json else content, response.headers


def send(graph: FakeGraph, body: Any) -> tuple[int, Any]:
    return call(graph, "POST", f"/v25.0/{PHONE}/messages", body)[:2]


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


def row_with_code(code: int) -> dict[str, Any]:
    return next(row["body"]["error"] for row in ROWS if row["body"].get("error", {}).get("code") == code)


def test_success_has_the_shape_of_a_captured_success(graph):
    captured = next(row["body"] for row in ROWS if row["operation"] == "POST messages")
    status, body = send(graph, {**TEXT, "to": "+16505551234"})
    assert (status, shape(body)) == (200, shape(captured))
    assert body["contacts"] == [{"input": "+16505551234", "wa_id": "16505551234"}]


def test_success_to_a_business_scoped_id_has_no_phone_number(graph):
    body = {key: value for key, value in TEXT.items() if key != "to"} | {
        "recipient": "US.13491208655302741918"
    }
    _, answer = send(graph, body)
    assert answer["contacts"] == [{"input": "US.13491208655302741918", "user_id": "US.13491208655302741918"}]


def test_mark_as_read_answers_what_meta_answers(graph):
    captured = [row["body"] for row in ROWS if row["body"] == {"success": True}]
    status, body = send(graph, {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"})
    assert (status, [body]) == (200, captured)
    assert graph.log == []


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['http_status']}-{row['operation'].split('/')[-1]}"
)
def test_every_captured_answer_can_be_replayed(graph, row):
    call(graph, "POST", "/_next", [row])
    status, body, headers = call(graph, "POST", f"/v25.0/{PHONE}/messages", TEXT)
    assert (status, body) == (row["http_status"], row["body"])
    assert {name: headers[name] for name in row["headers"]} == row["headers"]
    assert len(graph.log) == (1 if "messages" in body else 0)


@pytest.mark.parametrize(
    "code",
    sorted(
        {code for code in REFUSALS for row in ROWS if row["body"].get("error", {}).get("code") == code}
        - {100}
    ),
)
def test_our_error_of_a_captured_code_has_its_keys(code):
    ours = json.loads(refusal(code, "why").body)["error"]
    captured = row_with_code(code)
    optional = {"error_data", "fbtrace_id", "error_user_title", "error_user_msg"}
    assert {**shape(ours), "message": str} == {**shape(captured), **shape(ours)}
    assert captured.keys() - optional <= ours.keys()


def test_an_unknown_object_is_400_code_100_subcode_33_as_captured(graph):
    captured = next(row["body"] for row in ROWS if row["body"].get("error", {}).get("error_subcode") == 33)
    status, body, _ = call(graph, "GET", "/v25.0/454545?fields=id")
    assert (status, shape(body)) == (400, shape(captured))


@pytest.mark.parametrize(
    ("header", "code"), [("", 104), ("Bearer ", 104), ("Basic token-1", 104), ("Bearer other", 190)]
)
def test_only_the_right_bearer_token_is_taken(graph, header, code):
    status, body, _ = call(graph, "POST", f"/v25.0/{PHONE}/messages", TEXT, Authorization=header)
    assert (status, body["error"]["code"]) == (401, code)
    assert graph.log == []


# The same three of Meta's own examples the schema's README names, and its hand-made faults.
def test_bodies_the_schema_accepts_are_accepted(graph):
    answers = {name: send(graph, body)[0] for name, body in EXAMPLES.items()}
    assert sum(status == 200 for status in answers.values()) == 47
    assert [send(graph, body)[0] for body in REQUESTS].count(400) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": {}},
        {"to": None},
        {"unknown_key": 1},
        {"type": "image"},
        {"text": {"body": "x" * 4097}},
        {"messaging_product": "telegram"},
        {"biz_opaque_callback_data": "x" * 513},
    ],
    ids=lambda change: next(iter(change)),
)
def test_bodies_the_schema_refuses_are_refused_and_not_logged(graph, change):
    status, body = send(graph, {**TEXT, **change})
    assert (status, body["error"]["code"]) == (400, 100)
    assert graph.log == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_a_body_that_is_no_message_is_refused(graph, body):
    assert send(graph, body)[0] == 400


def test_every_accepted_send_is_in_the_log_with_its_key(graph):
    send(graph, {**TEXT, "biz_opaque_callback_data": "key-1"})
    _, answer = send(graph, {**TEXT, "text": {"body": "again"}})
    _, rows, _ = call(graph, "GET", "/_log")
    assert [(row["key"], row["to"], row["text"]) for row in rows] == [
        ("key-1", "16505551234", "hello"),
        (None, "16505551234", "again"),
    ]
    assert rows[1]["wamid"] == answer["messages"][0]["id"]
    assert call(graph, "GET", "/_log?since=1")[1] == rows[1:]
    assert call(graph, "GET", "/_stats")[1]["accepted"] == 2
    call(graph, "POST", "/_reset")
    assert (graph.log, graph.counts) == ([], {})


@pytest.mark.parametrize(("drop", "logged"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_may_or_may_not_have_sent(graph, drop, logged):
    graph.plan({"drop": drop})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        send(graph, TEXT)
    assert len(graph.log) == logged


def test_a_planned_row_that_says_nothing_is_refused(graph):
    assert call(graph, "POST", "/_next", [{"http_status": 200}])[0] == 400
    assert call(graph, "POST", "/_next", b"{")[0] == 400


def test_errors_come_at_the_rate_asked_for_and_are_not_sent():
    with running(Options(error_rate=0.5, throttle_share=0.5, seed=7, retry_after=3)) as graph:
        answers = [call(graph, "POST", f"/v25.0/{PHONE}/messages", TEXT) for _ in range(60)]
    codes = [status for status, _, _ in answers]
    assert set(codes) == {200, 429, 500}
    assert len(graph.log) == codes.count(200)
    assert {headers["Retry-After"] for status, _, headers in answers if status == 429} == {"3"}


def test_a_seed_repeats_the_same_faults():
    def codes() -> list[int]:
        with running(Options(error_rate=0.3, seed=3)) as graph:
            return [send(graph, TEXT)[0] for _ in range(30)]

    assert codes() == codes()


def test_latency_delays_the_answer_but_not_the_send():
    with running(Options(latency_ms=120)) as graph:
        before = time.time()
        send(graph, TEXT)
        assert time.time() - before >= 0.119
        assert graph.log[0].at - before < 0.1


def test_media_can_be_uploaded_resolved_downloaded_and_deleted(graph):
    content = bytes(range(256)) + b"\r\n--not-the-boundary\r\n"
    form = (
        b'--b1\r\nContent-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="type"\r\n\r\nimage/png\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--b1--\r\n"
    )
    header = {"Content-Type": "multipart/form-data; boundary=b1"}
    status, body, _ = call(graph, "POST", f"/v25.0/{PHONE}/media", form, **header)
    captured = {row["operation"]: row["body"] for row in ROWS}
    assert (status, shape(body)) == (200, shape(captured["POST media"]))
    status, details, _ = call(graph, "GET", f"/v25.0/{body['id']}")
    assert (status, shape(details)) == (200, shape(captured["GET media"]))
    assert details["sha256"] == hashlib.sha256(content).hexdigest()
    path = details["url"].removeprefix(graph.url)
    status, downloaded, headers = call(graph, "GET", path)
    assert (status, downloaded, headers["Content-Type"]) == (200, content, "image/png")
    assert call(graph, "GET", path, Authorization="")[0] == 401
    assert call(graph, "DELETE", f"/v25.0/{body['id']}")[1] == {"success": True}
    assert call(graph, "GET", f"/v25.0/{body['id']}")[0] == 400


def test_a_number_tells_its_details_and_a_stranger_does_not(graph):
    assert call(graph, "GET", f"/v25.0/{PHONE}?fields=verified_name")[1]["id"] == PHONE
    assert call(graph, "POST", "/v25.0/1/messages", TEXT)[0] == 400


class Listener:
    """Takes status webhooks, the first one only at its third try."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.tries = 0
        self.server = Server(self.handle)

    def handle(self, message: Message, respond: Any) -> None:
        self.tries += 1
        if self.tries > 2:
            self.taken.append(message)
        respond(Answer(200 if self.tries > 2 else 503))


def test_statuses_are_signed_batched_retried_and_echo_the_key():
    listener = Listener()
    with running(Options()) as graph:
        graph.run(listener.server.start())
        graph.run(graph.post_statuses(StatusOptions(listener.server.port, "secret", delay=0.02, gap=0.01)))
        for number in range(5):
            send(graph, {**TEXT, "biz_opaque_callback_data": f"key-{number}"})
        deadline = time.monotonic() + 5
        while graph.pending_statuses and time.monotonic() < deadline:
            time.sleep(0.01)
        graph.run(listener.server.stop())
    statuses = []
    for message in listener.taken:
        line = signature_line(b"secret", message.body).strip().partition(": ")[2]
        assert message.headers[b"x-hub-signature-256"].decode() == line
        value = json.loads(message.body)["entry"][0]["changes"][0]["value"]
        assert value["metadata"]["phone_number_id"] == PHONE
        statuses += value["statuses"]
    assert sorted((row["biz_opaque_callback_data"], row["status"]) for row in statuses) == sorted(
        (f"key-{number}", kind) for number in range(5) for kind in ("sent", "delivered", "read")
    )
    assert {row["id"] for row in statuses} == {accepted.send.wamid for accepted in graph.log}
    assert graph.counts["status_retries"] == 2


def test_a_chunked_request_is_read_whole_whatever_the_pieces():
    raw = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    assert [parse(raw[:end]) for end in range(len(raw))] == [None] * len(raw)
    message = parse(raw + b"GET")
    assert message is not None
    assert (message.body, message.taken) == (b"hello world", len(raw))
