"""The channel contract: inbound items, receipts, sends, their outcomes, and the protocols a channel implements."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

import aiohttp
from pydantic import BaseModel

from app.channels.content.media_limits import MediaLimit
from app.channels.error_catalog import ErrorCatalog
from app.channels.setup_guide import SetupGuide
from app.http_client import HttpSession
from app.immutable import immutable
from app.signals import DomainError


@immutable
class Person:
    """Who wrote: a business-scoped user id, a phone number (digits), or both."""

    user_id: str | None = None
    phone: str | None = None
    name: str = ""
    username: str = ""


@immutable
class InboundMessage:
    """One message of a webhook, in the channel-neutral form.

    `text` is what a brain reads; `is_trigger` is false for what is kept but never answered (reactions, system notes,
    our own phone's echoes, history). `edited_id`/`revoked_id` name the message a change is about.
    `person` is who wrote, in a group (`group_id`) as well.
    """

    provider_id: str
    person: Person
    kind: str
    text: str
    at: int
    payload: Mapping[str, Any]
    is_trigger: bool = True
    outgoing: bool = False
    group_id: str | None = None
    quoted_id: str | None = None
    edited_id: str | None = None
    revoked_id: str | None = None


@immutable
class Status:
    """One delivery receipt; `key` is our own name of the send, `participant` a member of a group."""

    provider_id: str
    status: str
    at: int
    key: str | None = None
    error_code: str | None = None
    error: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    person: Person | None = None
    participant: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@immutable
class IdentityChange:
    """A person whose identifiers changed: `old` is merged into `new`."""

    old: Person
    new: Person


@immutable
class RawItem:
    """Anything else a webhook carries: stored raw; `level`: info | warn | bad; `group_titles`: id, title, ms."""

    field: str
    payload: Any
    level: str = "info"
    person: str | None = None
    group_titles: tuple[tuple[str, str, int], ...] = ()


Item = InboundMessage | Status | IdentityChange | RawItem


@immutable
class AccountBatch:
    """The items of one account (None: not addressed to any), in the order of the webhook."""

    account: str | None
    items: Sequence[Item]


class RefusalClass(StrEnum):
    """What has to be done about a refused send (specs: whatsapp A13)."""

    TRANSIENT = "transient"  # R: the same send again, with backoff
    LIMIT = "limit"  # RA: wait for the limit, then again
    TOKEN = "token"  # noqa: S105  a word, no secret. T: park the connection, tell the operator
    ACCOUNT = "account"  # A: the same for the number or account
    NEVER = "never"  # N: this message will not arrive
    FIX = "fix"  # F: the request or the configuration is wrong


class RefusalReason(StrEnum):
    """Reasons the pipeline acts on by itself, whatever code the provider gives them."""

    WINDOW_CLOSED = "window_closed"  # free-form messages wait until the person writes again
    PAIR_LIMIT = "pair_limit"  # too many messages from this number to this person


@immutable
class SendSuccess:
    """The provider took the message."""

    provider_id: str


@immutable
class SendRefusal:
    """A send the provider certainly did not take; `code` is the channel's own, at most 40 characters."""

    refusal_class: RefusalClass
    code: str
    message: str
    retry_after_s: float | None = None
    max_attempts: int | None = None  # fewer than usual
    reason: RefusalReason | None = None


@immutable
class UnknownOutcome:
    """The request may have arrived: only a status can tell."""

    message: str


SendResult = SendSuccess | SendRefusal | UnknownOutcome


@immutable
class OutboundMessage:
    """One send: `content` is a dump of app.channels.content.Content."""

    key: str
    account: str
    person: Person
    content: Mapping[str, Any]
    group_id: str | None = None
    quoted_id: str | None = None


@immutable
class CheckResult:
    """The answer of a connection test, in words for the operator."""

    ok: bool
    message: str


class Sink(Protocol):
    """Where the bytes of a fetched file go."""

    def write(self, chunk: bytes, /) -> int:
        """Write a chunk of the file."""
        ...


class FileGoneError(DomainError):
    """A file that cannot be fetched, now or later; the message says why."""

    code = "file_gone"


@immutable
class MessageTemplate:
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
    # What the form of its connections says and asks for.
    setup: ClassVar[SetupGuide]
    # Hours a free-form reply may follow the person's last message; None = always.
    window_hours: ClassVar[int | None]
    # The refusal of a free-form message outside the window, for sends that are not tried; None without a window.
    window_refusal: ClassVar[SendRefusal | None]
    # Whether a send repeated under its key reaches the person once.
    is_idempotent: ClassVar[bool]
    # Whether those who write are operators at a phone in the browser: no bot is ever on the other side.
    is_simulated: ClassVar[bool]
    # The files an operator may send, by kind of content.
    media_limits: ClassVar[Mapping[str, MediaLimit]]
    # The causes and codes of failed sends; no code may stand in the catalogue of another channel.
    error_catalog: ClassVar[ErrorCatalog]

    @staticmethod
    def clean_account(text: str) -> str:
        """Return what the channel routes by in its one form; raises DomainError when it is none."""
        ...

    async def send(self, http: HttpSession, config: BaseModel, outbound: OutboundMessage) -> SendResult:
        """Send one message; never raises for what the network or the provider does."""
        ...

    async def check(self, http: aiohttp.ClientSession, config: BaseModel, account: str) -> CheckResult:
        """Try the connection without sending anything."""
        ...

    async def fetch(self, http: aiohttp.ClientSession, config: BaseModel, media_id: str, sink: Sink) -> str:
        """Fetch a file that came with a message into `sink` and return its type (MIME).

        Raises FileGoneError when it cannot be had, another DomainError when trying again may help.
        """
        ...

    async def list_templates(
        self, http: aiohttp.ClientSession, config: BaseModel
    ) -> Sequence[MessageTemplate]:
        """List the approved templates; raises DomainError with what to do when they cannot be had."""
        ...


class UnreadableWebhookError(DomainError):
    """A signed body that is not of the channel's form; it is kept raw."""

    code = "unreadable_webhook"


class Headers(Protocol):
    """The headers of a request, by names in any case."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, None without it."""
        ...


@runtime_checkable
class WebhookChannel(Channel, Protocol):
    """A channel whose provider posts to `path`, an absolute URL path that no other channel has.

    The three methods run for every webhook in the event loop: they compute and never wait.
    """

    path: ClassVar[str]

    def answer_handshake(self, query: Mapping[str, str], configs: Collection[BaseModel]) -> str | None:
        """Return the body that answers a GET, None unless its query proves one of the connections."""
        ...

    def verify(self, body: bytes, headers: Headers, configs: Mapping[int, BaseModel]) -> Collection[int]:
        """Return the connections whose secrets this body is signed with; `configs` by connection id."""
        ...

    def parse(self, body: bytes) -> Sequence[AccountBatch]:
        """Return the items of a verified body in its order; raises UnreadableWebhookError."""
        ...


@runtime_checkable
class CosigningChannel(WebhookChannel, Protocol):
    """A webhook channel in which one secret signs for several connections, such as the numbers of one app."""

    def list_cosigners(self, config: BaseModel, configs: Mapping[int, BaseModel]) -> Collection[int]:
        """Return the connections whose webhooks are signed with the secret of `config`; `configs` by connection id."""
        ...


# Takes the items of a stream's connection; returns after they are committed, raises when they could not be stored.
ReceiveItems = Callable[[Sequence[Item]], Awaitable[None]]


@runtime_checkable
class StreamChannel(Channel, Protocol):
    """A channel that keeps a connection to its provider open, such as a linked device.

    No process runs streams yet: app.channels.registry.load_channels refuses such a channel instead of serving one
    that would never receive anything.
    """

    async def run(self, config: BaseModel, account: str, receive: ReceiveItems) -> None:
        """Hand over what arrives until cancelled; raises DomainError when the connection needs an operator."""
        ...
