"""OpenTelemetry Protocol over HTTP (OTLP/HTTP) as JSON: log records grouped by resource and logger."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, ClassVar

from pydantic import Field

from app.logs.event import LogEvent
from app.logs.severity import get_open_telemetry_word
from app.logs.sinks.contract import SinkConfig, SinkContext
from app.logs.sinks.event_format import list_ids
from app.logs.sinks.sink_network import Certificate, HeaderText, Url, post
from app.text import MAX_INT64, to_json


class OtlpConfig(SinkConfig):
    """Address of a collector, and the header that signs in."""

    url: Url = Field(
        title="Address",
        description="Of the collector, such as https://otel.example.com:4318; /v1/logs is added.",
    )
    header: HeaderText = Field(
        default="", title="Header that signs in", description="Its name, such as Authorization or api-key."
    )
    header_value: HeaderText = Field(default="", title="Value of that header")
    service: Annotated[
        str, Field(max_length=100, title="Service", description="Name of this installation.")
    ] = "brainbox"
    ca_certificate: Certificate = ""


class OtlpSink:
    """Sends log records to an OpenTelemetry collector."""

    kind: ClassVar[str] = "otlp"
    title: ClassVar[str] = "OpenTelemetry (OTLP)"
    description: ClassVar[str] = "Log records to a collector, or to a service that takes OTLP over HTTP."
    icon: ClassVar[str] = "rocket"
    test_hint: ClassVar[str] = ""
    Config: ClassVar = OtlpConfig
    secrets: ClassVar[frozenset[str]] = frozenset({"header_value"})
    sample_config: ClassVar = {"url": "https://otel.example.com:4318"}

    def __init__(self, config: OtlpConfig, context: SinkContext) -> None:
        self._config = config
        self._context = context
        base = config.url.rstrip("/")
        self._url = base if base.endswith("/v1/logs") else f"{base}/v1/logs"

    @staticmethod
    def open(config: OtlpConfig, context: SinkContext) -> "OtlpSink":
        """Return a sink with these settings."""
        return OtlpSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Post a batch; raises SinkError, RefusedBatchError."""
        headers = {"Content-Type": "application/json"}
        if self._config.header:
            headers[self._config.header] = self._config.header_value
        body = to_json({"resourceLogs": [self._build_resource(*each) for each in _group(events, "source")]})
        answer = post(self._url, body.encode(), headers, self._context, self._config.ca_certificate)
        return min(_read_refused_count(answer), len(events))

    def close(self) -> None:
        """Hold nothing open."""

    def _build_resource(self, source: str, events: Sequence[LogEvent]) -> dict[str, Any]:
        attributes = {
            "service.name": self._config.service,
            "service.instance.id": self._context.installation_id,
            "host.name": self._context.host_name,
            "brainbox.source": source,
        }
        return {
            "resource": {"attributes": _build_attributes(attributes)},
            "scopeLogs": [
                {"scope": {"name": name}, "logRecords": [_build_record(event) for event in group]}
                for name, group in _group(events, "logger")
            ],
        }


def _group(events: Sequence[LogEvent], name: str) -> list[tuple[str, list[LogEvent]]]:
    """Return stretches of events that share a field: their order stays."""
    return [(key, list(group)) for key, group in groupby(events, lambda event: getattr(event, name))]


def _build_record(event: LogEvent) -> dict[str, Any]:
    attributes = {"log.record.uid": event.event_id, **list_ids(event), **event.data}
    return {
        "timeUnixNano": str(event.at * 1_000_000),
        "observedTimeUnixNano": str(event.received_at * 1_000_000),
        "severityNumber": event.level,
        "severityText": get_open_telemetry_word(event.level),
        "body": {"stringValue": event.text},
        "attributes": _build_attributes(attributes),
    }


def _build_attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _build_value(value)} for key, value in values.items()]


def _build_value(value: Any) -> dict[str, Any]:
    """Return a value in the form of opentelemetry.proto's AnyValue; numbers of 64 bits are texts in its JSON."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -MAX_INT64 <= value <= MAX_INT64:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _build_attributes(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_build_value(each) for each in value]}}
    return {} if value is None else {"stringValue": str(value)}


def _read_refused_count(answer: bytes) -> int:
    """Return how many records were refused though the request was taken: sent again, the others would come twice."""
    try:
        partial = json.loads(answer or b"{}").get("partialSuccess") or {}
        return max(0, int(partial.get("rejectedLogRecords") or 0))
    except (ValueError, TypeError, AttributeError):
        return 0
