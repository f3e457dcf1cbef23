"""JSON lines over TCP with TLS, as Logstash's input “tcp” with the codec “json_lines” reads them."""

from collections.abc import Sequence
from typing import ClassVar

from app.logs.event import LogEvent
from app.logs.sinks.contract import SinkConfig, SinkContext
from app.logs.sinks.event_format import build_object
from app.logs.sinks.sink_network import CLOSE_HINT, Certificate, Host, Peer, Port, Tls, connect, deliver
from app.text import to_json


class JsonLinesConfig(SinkConfig):
    """The server and its certificate."""

    host: Host
    port: Port = 5000
    tls: Tls = True
    ca_certificate: Certificate = ""


class JsonLinesSink:
    """Writes events as lines of JSON to a server, a connection a batch."""

    kind: ClassVar[str] = "json_lines"
    title: ClassVar[str] = "JSON lines over TCP (Logstash)"
    description: ClassVar[str] = (
        "One JSON object a line, with TLS: Logstash, Fluent Bit, Vector and the like."
    )
    icon: ClassVar[str] = "list"
    test_hint: ClassVar[str] = CLOSE_HINT
    Config: ClassVar = JsonLinesConfig
    secrets: ClassVar[frozenset[str]] = frozenset()
    sample_config: ClassVar = {"host": "logs.example.com", "port": 5000}

    def __init__(self, config: JsonLinesConfig, context: SinkContext) -> None:
        self._peer = Peer(config.host, config.port, config.tls, config.ca_certificate)
        self._context = context

    @staticmethod
    def open(config: JsonLinesConfig, context: SinkContext) -> "JsonLinesSink":
        """Return a sink with these settings."""
        return JsonLinesSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Write a batch; raises SinkError."""
        lines = "".join(f"{to_json(build_object(event))}\n" for event in events)
        deliver(connect(self._peer, self._context), lines.encode(), self._peer)
        return 0

    def close(self) -> None:
        """Hold nothing open."""
