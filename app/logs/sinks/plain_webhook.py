"""Webhook: a JSON object with the events, signed with HMAC-SHA256 where there is a secret."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.logs.event import LogEvent
from app.logs.sinks.contract import SinkConfig, SinkContext
from app.logs.sinks.event_format import build_object
from app.logs.sinks.sink_network import Certificate, HeaderText, Url, post
from app.text import to_json


class WebhookConfig(SinkConfig):
    """Address, secret of the signature, and the header that signs in."""

    url: Url
    secret: HeaderText = Field(
        default="",
        title="Secret of the signature",
        description="Signs the body before it is packed: X-Brainbox-Signature: sha256=…",
    )
    authorization: HeaderText = Field(
        default="",
        title="Authorization header",
        description="Such as Bearer …, where the address asks for it.",
    )
    ca_certificate: Certificate = ""


class WebhookSink:
    """Posts events to an address."""

    kind: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    description: ClassVar[str] = "Events as JSON to an address of your own, signed."
    icon: ClassVar[str] = "send"
    test_hint: ClassVar[str] = ""
    Config: ClassVar = WebhookConfig
    secrets: ClassVar[frozenset[str]] = frozenset({"secret", "authorization"})
    sample_config: ClassVar = {"url": "https://hooks.example.com/logs", "secret": "a secret"}

    def __init__(self, config: WebhookConfig, context: SinkContext) -> None:
        self._config = config
        self._context = context

    @staticmethod
    def open(config: WebhookConfig, context: SinkContext) -> "WebhookSink":
        """Return a sink with these settings."""
        return WebhookSink(config, context)

    def send(self, events: Sequence[LogEvent]) -> int:
        """Post a batch; raises SinkError, RefusedBatchError."""
        config = self._config
        body = to_json({"events": [build_object(event) for event in events]}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": events[0].event_id}
        if config.secret:
            digest = hmac.new(config.secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Brainbox-Signature"] = f"sha256={digest}"
        if config.authorization:
            headers["Authorization"] = config.authorization
        post(config.url, body, headers, self._context, config.ca_certificate)
        return 0

    def close(self) -> None:
        """Hold nothing open."""
