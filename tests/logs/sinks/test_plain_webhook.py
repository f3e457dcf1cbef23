"""Webhook: JSON with the events, signed before it is packed, and marked with its installation."""

import hashlib
import hmac
import json
from pathlib import Path

from app.logs.sinks.contract import ORIGIN_HEADER, SinkContext
from app.logs.sinks.plain_webhook import WebhookConfig, WebhookSink
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import Collector, running


def test_a_body_is_signed_and_says_whose_it_is(tmp_path: Path):
    with running(Collector()) as collector:
        config = WebhookConfig(url=f"{collector.url}/in?a=1", secret="s", authorization="Bearer t")
        sink = WebhookSink.open(config, SinkContext("i1", tmp_path, allow_private=True))
        sink.send([make_event(1, chat_id="5", data={"n": 1}), make_event(2)])
    ((path, headers, body),) = collector.requests
    assert path == "/in?a=1"
    assert headers["Authorization"] == "Bearer t"
    assert headers["Idempotency-Key"] == "e1"
    assert headers[ORIGIN_HEADER] == "i1"
    assert headers["X-Brainbox-Signature"] == f"sha256={hmac.new(b's', body, hashlib.sha256).hexdigest()}"
    first = json.loads(body)["events"][0]
    assert first == {
        "id": "e1", "at": "2026-05-28T20:26:40.001Z", "level": "info", "severity_number": 9, "source": "shop",
        "text": "line 1", "chat_id": "5", "data": {"n": 1},
    }  # fmt: skip
