"""Datadog's HTTP intake, version 2: an array of log items, packed with gzip."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, model_validator

from app.logs.event import LogEvent
from app.logs.severity import get_word
from app.logs.sinks.contract import SinkConfig, SinkContext
from app.logs.sinks.event_format import list_ids
from app.logs.sinks.sink_network import Certificate, HeaderText, Url, post
from app.text import to_json

_URL: Final = "https://http-intake.logs.datadoghq.com/api/v2/logs"


class DatadogConfig(SinkConfig):
    """Address, key and tags."""

    url: Url = Field(
        default=_URL,
        title="Address",
        description="Of your site: in Europe https://http-intake.logs.datadoghq.eu/api/v2/logs.",
    )
    api_key: HeaderText = Field(min_length=1, title="API key", description="Sent as DD-API-KEY.")
    service: Annotated[
        str, Field(max_length=100, title="Service", description="Name of this installation.")
    ] = "brainbox"
    tags: Annotated[str, Field(max_length=500, title="Tags", description="As env:prod,team:support.")] = ""
    ca_certificate: Certificate = ""

    @model_validator(mode="after")
    def _check(self) -> "DatadogConfig":
        if "," in self.service:
            raise ValueError("A service has one name.")
        return self


class DatadogSink:
    """Sends log items to Datadog."""

    kind: ClassVar[str] = "datadog"
    title: ClassVar[str] = "Datadog (HTTP)"
    description: ClassVar[str] = "Datadog’s HTTP intake version 2, and services that take the same form."
    icon: ClassVar[str] = "chart-bar"
    test_hint: ClassVar[str] = ""
    Config: ClassVar = DatadogConfig
    secrets: ClassVar[frozenset[str]] = frozenset({"api_key"})
    sample_config: ClassVar = {"api_key": "0123456789abcdef"}

    def __init__(self, config: DatadogConfig, context: SinkContext) -> None:
        self._config = config
        self._context = context

    @staticmethod
    def open(config: DatadogConfig, context: SinkContext) -> "DatadogSink":
        """Return a sink with these settings."""
        return DatadogSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Post a batch; raises SinkError, RefusedBatchError."""
        body = to_json([self._build_item(event) for event in events]).encode()
        headers = {"Content-Type": "application/json", "DD-API-KEY": self._config.api_key}
        post(self._config.url, body, headers, self._context, self._config.ca_certificate)
        return 0

    def close(self) -> None:
        """Hold nothing open."""

    def _build_item(self, event: LogEvent) -> dict[str, Any]:
        tags = ",".join(filter(None, (f"source:{event.source}", self._config.tags)))
        return {
            "message": event.text,
            "ddsource": "brainbox",
            "ddtags": tags,
            "hostname": self._context.host_name,
            "service": self._config.service,
            "status": get_word(event.level),
            "timestamp": event.at,
            "event_id": event.event_id,
            **({"logger": {"name": event.logger}} if event.logger else {}),
            **list_ids(event),
            **({"data": dict(event.data)} if event.data else {}),
        }
