"""Datadog's intake, version 2: the form of its log items, packed, signed in, with a status of its own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.logs.sinks.contract import RefusedBatchError, SinkContext, SinkError
from app.logs.sinks.datadog import DatadogConfig, DatadogSink
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import Certificates, Collector

# HTTPLog of https://docs.datadoghq.com/api/latest/logs/#send-logs, with the limits stated there.
SCHEMA = {
    "type": "array",
    "maxItems": 1000,
    "items": {
        "type": "object",
        "required": ["message"],
        "properties": {
            **{name: {"type": "string"} for name in ("message", "ddsource", "ddtags", "hostname", "service")},
            "status": {
                "enum": [
                    "emergency",
                    "alert",
                    "critical",
                    "error",
                    "warning",
                    "notice",
                    "info",
                    "debug",
                    "trace",
                ]
            },
            "timestamp": {"type": "integer"},
        },
    },
}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    pem = Certificates(tmp_path / "certificates")
    made = Collector(pem.server).start()
    made.pem = pem.pem  # type: ignore[attr-defined]
    yield made
    made.stop()


def open_sink(collector: Any, tmp_path: Path) -> DatadogSink:
    config = DatadogConfig(
        url=f"{collector.url}/api/v2/logs", api_key="the key", tags="env:test", ca_certificate=collector.pem
    )
    return DatadogSink.open(config, SinkContext("i", tmp_path, allow_private=True, host_name="h1"))


def test_items_have_the_form_of_the_intake(collector: Collector, tmp_path: Path):
    import json  # noqa: PLC0415

    events = [make_event(n, level=n, logger="a.b", chat_id="5", data={"a": {"b": [1]}}) for n in range(1, 25)]
    open_sink(collector, tmp_path).send(events)
    ((path, headers, body),) = collector.requests
    assert path == "/api/v2/logs"
    assert headers["DD-API-KEY"] == "the key"
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Encoding"] == "gzip"
    items = json.loads(body)
    jsonschema.validate(items, SCHEMA)
    assert items[16]["status"] == "error"
    assert items[0]["ddtags"] == "source:shop,env:test"
    assert items[0]["hostname"] == "h1"
    assert items[0]["timestamp"] == events[0].at


REFUSALS = [
    (400, {}, RefusedBatchError, None), (413, {}, RefusedBatchError, None), (403, {}, SinkError, None),
    (429, {"Retry-After": "7"}, SinkError, 7), (503, {"Retry-After": "soon"}, SinkError, None),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_status_says_whether_to_wait_or_to_leave_out(collector: Collector, tmp_path: Path, case: Any):
    status, headers, kind, wait = case
    collector.answer = lambda _body: (status, b'{"errors":["no"]}', headers)
    with pytest.raises(SinkError, match=f"localhost answered {status}") as refused:
        open_sink(collector, tmp_path).send([make_event(1)])
    assert type(refused.value) is kind
    assert refused.value.retry_after_s == wait
