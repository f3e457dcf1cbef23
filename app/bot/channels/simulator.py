"""The phone in the browser: a channel without a network, and what a person does with that phone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import aiohttp
from pydantic import BaseModel, ConfigDict

from app.bot.channels.contract import (
    Checked,
    FileGone,
    Inbound,
    Outbound,
    Person,
    SendResult,
    Sent,
    Sink,
    Status,
    TemplateForm,
)
from app.db import storable
from app.settings import Settings
from app.signals import DomainError


class AccountError(DomainError):
    """A name a simulated number cannot have."""

    code = "account"


class SimulatorConfig(BaseModel):
    """A simulated number needs nothing."""

    model_config = ConfigDict(frozen=True)


def clean_account(text: str) -> str:
    """Return the name of a simulated number as stored; raises AccountError unless 1 to 64 characters long."""
    account = storable(text.strip())
    if not 0 < len(account) <= 64:
        raise AccountError("Give the simulated number a name of 1 to 64 characters.")
    return account


class SimulatorChannel:
    """Takes every message at once; the page shows it."""

    kind: ClassVar[str] = "simulator"
    title: ClassVar[str] = "Simulator"
    Config: ClassVar[type[BaseModel]] = SimulatorConfig
    secrets: ClassVar[frozenset[str]] = frozenset()
    window_hours: ClassVar[int | None] = None
    repeatable: ClassVar[bool] = True
    clean_account = staticmethod(clean_account)

    def __init__(self, _settings: Settings) -> None:
        """Accept the settings every channel is built with."""

    async def send(self, _http: aiohttp.ClientSession, _config: BaseModel, outbound: Outbound) -> SendResult:
        """Take the message; the id follows from the key, so a repeated send is the same message."""
        return Sent(f"sim.{outbound.key}")

    async def check(self, _http: aiohttp.ClientSession, _config: BaseModel, _account: str) -> Checked:
        """Say that there is nothing to check."""
        return Checked(ok=True, message="The simulator is always connected.")

    async def fetch(
        self, _http: aiohttp.ClientSession, _config: BaseModel, _media_id: str, _sink: Sink
    ) -> str:
        """Say that a simulated phone sends no real files."""
        raise FileGone("The simulated phone sent no real file.")

    async def templates(self, _http: aiohttp.ClientSession, _config: BaseModel) -> Sequence[TemplateForm]:
        """List nothing: whatever is sent here needs no approval."""
        return ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every act on the phone has: an id, who acts, when (milliseconds), perhaps a quoted message."""

    provider_id: str
    person: Person
    at: int
    quoted_id: str | None = None


def text(envelope: Envelope, body: str) -> Inbound:
    """Return a typed text."""
    return _inbound(envelope, "text", body, {"type": "text", "text": {"body": storable(body)}})


def button(envelope: Envelope, choice_id: str, title: str) -> Inbound:
    """Return the press of a button of the quoted message."""
    reply = {"id": choice_id, "title": title}
    return _inbound(envelope, "button", choice_id or title, _interactive("button_reply", reply))


def list_choice(envelope: Envelope, choice_id: str, title: str, description: str = "") -> Inbound:
    """Return a choice from the list of the quoted message."""
    reply = {"id": choice_id, "title": title} | ({"description": description} if description else {})
    return _inbound(envelope, "list", choice_id or title, _interactive("list_reply", reply))


def image(envelope: Envelope, media_id: str, mime: str, caption: str = "") -> Inbound:
    """Return a picture; `media_id` names a file of ours, not of Meta."""
    file = {"id": media_id, "mime_type": mime} | ({"caption": storable(caption)} if caption else {})
    return _inbound(envelope, "image", caption, {"type": "image", "image": file})


def audio(envelope: Envelope, media_id: str, mime: str, *, voice: bool = True) -> Inbound:
    """Return a voice note or another sound; `media_id` names a file of ours, not of Meta."""
    file = {"id": media_id, "mime_type": mime, "voice": voice}
    return _inbound(envelope, "audio", "", {"type": "audio", "audio": file})


def location(envelope: Envelope, latitude: float, longitude: float, name: str = "") -> Inbound:
    """Return a place, in degrees."""
    place = {"latitude": latitude, "longitude": longitude} | ({"name": storable(name)} if name else {})
    return _inbound(envelope, "location", "", {"type": "location", "location": place})


def reaction(envelope: Envelope, emoji: str) -> Inbound:
    """Return an emoji on the quoted message; an empty one takes it away, and nothing is answered."""
    body = {"message_id": envelope.quoted_id, "emoji": emoji}
    return _inbound(envelope, "reaction", emoji, {"type": "reaction", "reaction": body}, triggers=False)


def delivered(provider_id: str, at: int, key: str | None = None) -> Status:
    """Return the receipt that the phone got a message, at a moment in milliseconds."""
    return Status(provider_id, "delivered", at, key)


def read(provider_id: str, at: int, key: str | None = None) -> Status:
    """Return the receipt that the person saw a message, at a moment in milliseconds."""
    return Status(provider_id, "read", at, key)


def _interactive(name: str, reply: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": name, name: dict(reply)}}


def _inbound(
    envelope: Envelope, kind: str, words: str, payload: dict[str, Any], *, triggers: bool = True
) -> Inbound:
    # Payloads have the Cloud API's shape: a brain tried here reads the same fields as live.
    if envelope.quoted_id and kind != "reaction":
        payload["context"] = {"id": envelope.quoted_id}
    return Inbound(
        provider_id=envelope.provider_id,
        person=envelope.person,
        kind=kind,
        text=storable(words),
        at=envelope.at,
        payload={"id": envelope.provider_id, "timestamp": str(envelope.at // 1000), **payload},
        triggers=triggers,
        quoted_id=envelope.quoted_id,
    )
