"""Syslog of RFC 5424 over TCP or TLS (RFC 5425, RFC 6587), messages framed by their length; facility, sizes."""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from app.logs.event import LogEvent
from app.logs.severity import to_syslog
from app.logs.sinks.contract import SinkConfig, SinkContext
from app.logs.sinks.event_format import format_moment, list_ids
from app.logs.sinks.sink_network import CLOSE_HINT, Certificate, Host, Peer, Port, Tls, connect, deliver
from app.text import to_json

# The number that RFC 5612 keeps for examples: we have none of our own.
_ELEMENT: Final = "brainbox@32473"
_NAME: Final = re.compile(r"[^\x21-\x7e]")
_APP_NAME: Final = re.compile(r"[!-~]{1,48}")
_BOM: Final = b"\xef\xbb\xbf"
_MAX_PARAMETER_CHARS: Final = 400


def _check_app_name(value: str) -> str:
    if not _APP_NAME.fullmatch(value):
        raise ValueError("Write 1 to 48 plain letters, digits and signs without spaces, such as brainbox.")
    return value


class SyslogConfig(SinkConfig):
    """The server, and what messages are marked with."""

    host: Host
    port: Port = 6514
    tls: Tls = True
    facility: Annotated[int, Field(ge=0, le=23, title="Facility", description="0 to 23; 16 is local0.")] = 16
    app_name: Annotated[str, Field(title="Application name"), AfterValidator(_check_app_name)] = "brainbox"
    max_bytes: Annotated[
        int,
        Field(
            ge=480,
            le=65_536,
            title="Largest message (bytes)",
            description="Longer ones are cut; rsyslog takes 8,192.",
        ),
    ] = 8_000
    ca_certificate: Certificate = ""


class SyslogSink:
    """Sends events as syslog messages, a connection a batch."""

    kind: ClassVar[str] = "syslog"
    title: ClassVar[str] = "Syslog (RFC 5424)"
    description: ClassVar[str] = "rsyslog, syslog-ng and services that take syslog over TCP or TLS."
    icon: ClassVar[str] = "terminal-2"
    test_hint: ClassVar[str] = CLOSE_HINT
    Config: ClassVar = SyslogConfig
    secrets: ClassVar[frozenset[str]] = frozenset()
    sample_config: ClassVar = {"host": "logs.example.com"}

    def __init__(self, config: SyslogConfig, context: SinkContext) -> None:
        self._config = config
        self._peer = Peer(config.host, config.port, config.tls, config.ca_certificate)
        self._context = context

    @staticmethod
    def open(config: SyslogConfig, context: SinkContext) -> "SyslogSink":
        """Return a sink with these settings."""
        return SyslogSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Send a batch; raises SinkError."""
        frames = b"".join(frame_message(self._build_message(event)) for event in events)
        deliver(connect(self._peer, self._context), frames, self._peer)
        return 0

    def close(self) -> None:
        """Hold nothing open."""

    def _build_message(self, event: LogEvent) -> bytes:
        config = self._config
        head = (
            f"<{config.facility * 8 + to_syslog(event.level)}>1 {format_moment(event.at)} "
            f"{_clean_name(self._context.host_name, 255)} {config.app_name} {_clean_name(event.source, 128)} "
            f"{_clean_name(event.logger, 32)} {_build_element(event)} "
        ).encode()
        text = event.text.replace("\r\n", "\n")
        if event.data:
            text = f"{text} {to_json(dict(event.data))}"
        message = head + _BOM + text.encode("utf-8", "replace")
        # Cut between characters, not within one.
        return (
            message[: config.max_bytes].decode("utf-8", "ignore").encode()
            if len(message) > config.max_bytes
            else message
        )


def frame_message(message: bytes) -> bytes:
    """Return a message behind its length (RFC 6587, section 3.4.1): it may hold line breaks."""
    return b"%d %s" % (len(message), message)


def _clean_name(text: str, limit: int) -> str:
    return _NAME.sub("_", text)[-limit:] or "-"


def _build_element(event: LogEvent) -> str:
    """Return the structured data: the event's id, which is the same each time it is sent, and its other ids."""
    values = {"id": event.event_id, **list_ids(event)}
    parameters = "".join(f' {name}="{_escape(value)}"' for name, value in values.items())
    return f"[{_ELEMENT}{parameters}]"


def _escape(value: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", value[:_MAX_PARAMETER_CHARS])
