"""Simulator channel: accepts every send, and builds what a person does on the simulated phone."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import aiohttp
from pydantic import BaseModel, ConfigDict

from app.channels.content.media_limits import WHATSAPP_MEDIA_LIMITS, MediaLimit
from app.channels.contract import (
    CheckResult,
    FileGoneError,
    InboundMessage,
    MessageTemplate,
    OutboundMessage,
    Person,
    RefusalClass,
    RefusalReason,
    SendRefusal,
    SendResult,
    SendSuccess,
    Sink,
    Status,
)
from app.channels.error_catalog import CauseScope, ErrorCatalog, ErrorCause
from app.channels.setup_guide import SetupGuide
from app.http_client import HttpSession
from app.immutable import immutable
from app.settings import Settings
from app.signals import DomainError
from app.text import to_storable

_WINDOW_CODE: Final = "window_closed"


class AccountError(DomainError):
    """A name a simulated number cannot have."""

    code = "account"


class SimulatorConfig(BaseModel):
    """A simulated number needs nothing."""

    model_config = ConfigDict(frozen=True)


def clean_account(text: str) -> str:
    """Return the name of a simulated number as stored; raises AccountError unless 1 to 64 characters long."""
    account = to_storable(text.strip())
    if not 0 < len(account) <= 64:
        raise AccountError("Give the simulated number a name of 1 to 64 characters.")
    return account


class SimulatorChannel:
    """Takes every message at once; the page shows it."""

    kind: ClassVar[str] = "simulator"
    title: ClassVar[str] = "Simulator"
    Config: ClassVar[type[BaseModel]] = SimulatorConfig
    secrets: ClassVar[frozenset[str]] = frozenset()
    setup: ClassVar[SetupGuide] = SetupGuide(
        provider="the simulated phone",
        description="A phone in the browser. No account needed.",
        invitation="Create a simulated phone",
        icon="device-mobile",
        account_prefix="sim-",
    )
    # What works here has to work live, and what is refused there is refused here.
    window_hours: ClassVar[int | None] = 24
    window_refusal: ClassVar[SendRefusal | None] = SendRefusal(
        RefusalClass.NEVER,
        _WINDOW_CODE,
        "More than 24 hours have passed since the person wrote: WhatsApp refuses this message, and so does the "
        "simulated phone.",
        reason=RefusalReason.WINDOW_CLOSED,
    )
    is_idempotent: ClassVar[bool] = True
    is_simulated: ClassVar[bool] = True
    media_limits: ClassVar[Mapping[str, MediaLimit]] = WHATSAPP_MEDIA_LIMITS
    error_catalog: ClassVar[ErrorCatalog] = ErrorCatalog(
        (
            ErrorCause(
                "window",
                CauseScope.PERSON,
                "24-hour window closed",
                "The person has not written for a day. Until they do, WhatsApp only accepts an approved template.",
                "Send a template",
                "chat",
                is_retryable=False,
            ),
        ),
        {_WINDOW_CODE: "window"},
    )
    clean_account = staticmethod(clean_account)

    def __init__(self, _settings: Settings) -> None:
        """Accept the settings every channel is built with."""

    async def send(self, _http: HttpSession, _config: BaseModel, outbound: OutboundMessage) -> SendResult:
        """Take the message; the id follows from the key, so a repeated send is the same message."""
        return SendSuccess(f"sim.{outbound.key}")

    async def check(self, _http: aiohttp.ClientSession, _config: BaseModel, _account: str) -> CheckResult:
        """Return that there is nothing to check."""
        return CheckResult(ok=True, message="The simulator is always connected.")

    async def fetch(
        self, _http: aiohttp.ClientSession, _config: BaseModel, _media_id: str, _sink: Sink
    ) -> str:
        """Raise FileGoneError: a simulated phone sends no real files."""
        raise FileGoneError("The simulated phone sent no real file.")

    async def list_templates(
        self, _http: aiohttp.ClientSession, _config: BaseModel
    ) -> Sequence[MessageTemplate]:
        """List nothing: whatever is sent here needs no approval."""
        return ()


class ShapedMessage(Protocol):
    """Kind and text of a message, and its payload in the Cloud API's shape."""

    @property
    def kind(self) -> str:
        """The kind."""
        ...

    @property
    def text(self) -> str:
        """Its words, or its caption."""
        ...

    @property
    def payload(self) -> Mapping[str, Any]:
        """The payload."""
        ...


@immutable
class Envelope:
    """Common fields of an action on the phone: id, person, moment (ms), perhaps a quoted message."""

    provider_id: str
    person: Person
    at: int
    quoted_id: str | None = None


def build_text(envelope: Envelope, body: str) -> InboundMessage:
    """Return a typed text."""
    return _build_inbound(envelope, "text", body, {"type": "text", "text": {"body": to_storable(body)}})


def build_message(envelope: Envelope, message: ShapedMessage) -> InboundMessage:
    """Return a message in the Cloud API's shape, such as a voice note or a place."""
    return _build_inbound(envelope, message.kind, message.text, dict(message.payload))


def build_button_reply(envelope: Envelope, choice_id: str, title: str) -> InboundMessage:
    """Return the press of a button of the quoted message."""
    reply = {"id": choice_id, "title": title}
    return _build_inbound(envelope, "button", choice_id or title, _build_interactive("button_reply", reply))


def build_list_reply(envelope: Envelope, choice_id: str, title: str, description: str = "") -> InboundMessage:
    """Return a choice from the list of the quoted message."""
    reply = {"id": choice_id, "title": title} | ({"description": description} if description else {})
    return _build_inbound(envelope, "list", choice_id or title, _build_interactive("list_reply", reply))


def build_delivered_status(provider_id: str, at: int, key: str | None = None) -> Status:
    """Return the receipt that the phone got a message, at a moment in milliseconds."""
    return Status(provider_id, "delivered", at, key)


def build_read_status(provider_id: str, at: int, key: str | None = None) -> Status:
    """Return the receipt that the person saw a message, at a moment in milliseconds."""
    return Status(provider_id, "read", at, key)


def _build_interactive(name: str, reply: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": name, name: dict(reply)}}


def _build_inbound(
    envelope: Envelope, kind: str, text: str, payload: dict[str, Any], **more: Any
) -> InboundMessage:
    # Payloads have the Cloud API's shape: a brain tried here reads the same fields as live.
    if envelope.quoted_id and kind != "reaction":
        payload["context"] = {"id": envelope.quoted_id}
    return InboundMessage(
        provider_id=envelope.provider_id,
        person=envelope.person,
        kind=kind,
        text=to_storable(text),
        at=envelope.at,
        payload={"id": envelope.provider_id, "timestamp": str(envelope.at // 1000), **payload},
        quoted_id=envelope.quoted_id,
        **more,
    )
