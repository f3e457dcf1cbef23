"""OTLP over HTTP: decoded with OpenTelemetry's own messages; what a collector refuses in part is not sent again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from app.logs.event import LogEvent
from app.logs.sinks.contract import SinkContext
from app.logs.sinks.otlp import OtlpConfig, OtlpSink
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector().start()
    yield made
    made.stop()


def send(collector: Collector, folder: Path, events: list[LogEvent], path: str = "") -> int:
    config = OtlpConfig(url=collector.url + path, header="Authorization", header_value="Bearer x")
    return OtlpSink.open(config, SinkContext("i1", folder, allow_private=True, host_name="h1")).send(events)


def decode(collector: Collector) -> ExportLogsServiceRequest:
    return json_format.ParseDict(json.loads(collector.requests[-1][2]), ExportLogsServiceRequest())


def test_records_carry_time_severity_text_and_typed_values(collector: Collector, tmp_path: Path):
    data = {"n": 7, "f": 1.5, "b": True, "none": None, "list": [1, "x"], "map": {"k": "v"}, "big": 2**80}
    send(collector, tmp_path, [make_event(1, level=10, text="ü", logger="app.x", chat_id="5", data=data)])
    ((path, headers, _),) = collector.requests
    assert (path, headers["Authorization"]) == ("/v1/logs", "Bearer x")
    (resource,) = decode(collector).resource_logs
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names == {
        "service.name": "brainbox", "service.instance.id": "i1", "host.name": "h1", "brainbox.source": "shop",
    }  # fmt: skip
    (scope,) = resource.scope_logs
    (record,) = scope.log_records
    assert scope.scope.name == "app.x"
    assert record.time_unix_nano == 1_780_000_000_001 * 1_000_000
    assert (record.severity_number, record.severity_text, record.body.string_value) == (10, "INFO2", "ü")
    values = {each.key: each.value for each in record.attributes}
    assert values["n"].int_value == 7
    assert values["f"].double_value == 1.5
    assert values["b"].bool_value is True
    assert values["none"].WhichOneof("value") is None
    assert [each.WhichOneof("value") for each in values["list"].array_value.values] == [
        "int_value",
        "string_value",
    ]
    assert values["map"].kvlist_value.values[0].value.string_value == "v"
    assert values["big"].string_value == str(2**80)
    assert values["chat_id"].string_value == "5"


def test_sources_are_resources_and_their_order_stays(collector: Collector, tmp_path: Path):
    sources = ["web", "web", "shop", "web"]
    send(collector, tmp_path, [make_event(n, source=source) for n, source in enumerate(sources)], "/v1/logs")
    found = [
        (attribute.value.string_value, [r.body.string_value for s in each.scope_logs for r in s.log_records])
        for each in decode(collector).resource_logs
        for attribute in each.resource.attributes
        if attribute.key == "brainbox.source"
    ]
    assert found == [("web", ["line 0", "line 1"]), ("shop", ["line 2"]), ("web", ["line 3"])]


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no"}}', 2),
        (b'{"partialSuccess":{"rejectedLogRecords":99}}', 3), (b"{}", 0), (b"", 0), (b"nonsense", 0), (b"[]", 0),
    ],
)  # fmt: skip
def test_records_refused_in_part_are_counted_and_not_sent_again(
    collector: Collector, tmp_path: Path, answer: bytes, refused: int
):
    collector.answer = lambda _body: (200, answer, {})
    assert send(collector, tmp_path, [make_event(n) for n in range(3)]) == refused
    assert len(collector.requests) == 1
