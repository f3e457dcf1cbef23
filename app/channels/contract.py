"""What every channel gives and takes: inbound items, receipts, sends and their outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import aiohttp
from pydantic import BaseModel

from app.signals import DomainError


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote: a business-scoped user id, a phone number (digits), or both."""

    user_id: str | None = None
    phone: str | None = None
    name: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message of a webhook, in the channel-neutral form.

    `text` is what a brain reads; `triggers` is false for what is kept but never answered (reactions, system notes,
    our own phone's echoes, history). `edits`/`revokes` name the message a change is about.
    """

    provider_id: str
    person: Person
    kind: str
    text: str
    at: int
    payload: Mapping[str, Any]
    triggers: bool = True
    outgoing: bool = False
    group_id: str | None = None
    quoted_id: str | None = None
    edits: str | None = None
    revokes: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One delivery receipt; `key` is our own name of the send when the channel echoes it."""

    provider_id: str
    status: str
    at: int
    key: str | None = None
    error_code: str | None = None
    error: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Renamed:
    """A person whose identifiers changed: `old` is merged into `new`."""

    old: Person
    new: Person


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else a webhook carries: stored raw."""

    field: str
    payload: Any


Item = Inbound | Status | Renamed | Other


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one account (None: not addressed to any), in the order of the webhook."""

    account: str | None
    items: Sequence[Item]


class Fault(StrEnum):
    """What a refused send asks of us (specs: whatsapp A13)."""

    TRANSIENT = "transient"  # R: the same send again, with backoff
    LIMIT = "limit"  # RA: wait for the limit, then again
    TOKEN = "token"  # noqa: S105  a word, no secret. T: park the connection, tell the operator
    ACCOUNT = "account"  # A: the same for the number or account
    NEVER = "never"  # N: this message will not arrive
    FIX = "fix"  # F: the request or the configuration is wrong


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider, or the way to it, certainly did not take the message."""

    fault: Fault
    code: str
    message: str
    retry_after: float | None = None  # seconds
    max_tries: int | None = None  # fewer than usual


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The request may have arrived: only a status can tell."""

    message: str


SendResult = Sent | Refused | Uncertain


@dataclass(frozen=True, slots=True)
class Outbound:
    """One send: `content` is a dump of app.bot.content.Content."""

    key: str
    account: str
    person: Person
    content: Mapping[str, Any]
    group_id: str | None = None
    quoted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer of a connection test, in words for the operator."""

    ok: bool
    message: str


class Sink(Protocol):
    """Where the bytes of a fetched file go."""

    def write(self, chunk: bytes, /) -> int:
        """Take a piece."""
        ...


class FileGone(DomainError):
    """A file that cannot be fetched, now or later; the message says why."""

    code = "file_gone"


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """An approved template as its provider describes it; `components` in the provider's form."""

    name: str
    language: str
    category: str
    components: Sequence[Mapping[str, Any]]


class Channel(Protocol):
    """The adapter behind a connection; `Config` draws the form, `secrets` names its encrypted fields."""

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    secrets: ClassVar[frozenset[str]]
    # Hours a free-form reply may follow the person's last message; None = always.
    window_hours: ClassVar[int | None]
    # Whether a send may be repeated under its key without being said twice.
    repeatable: ClassVar[bool]

    @staticmethod
    def clean_account(text: str) -> str:
        """Return what the channel routes by in its one form; raises DomainError when it is none."""
        ...

    async def send(self, http: aiohttp.ClientSession, config: BaseModel, outbound: Outbound) -> SendResult:
        """Send one message; never raises for what the network or the provider does."""
        ...

    async def check(self, http: aiohttp.ClientSession, config: BaseModel, account: str) -> Checked:
        """Try the connection without sending anything."""
        ...

    async def fetch(self, http: aiohttp.ClientSession, config: BaseModel, media_id: str, sink: Sink) -> str:
        """Fetch a file that came with a message into `sink` and return its type (MIME).

        Raises FileGone when it cannot be had, another DomainError when trying again may help.
        """
        ...

    async def templates(self, http: aiohttp.ClientSession, config: BaseModel) -> Sequence[TemplateForm]:
        """List the approved templates; raises DomainError with what to do when they cannot be had."""
        ...
