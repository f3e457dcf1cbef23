"""Contract of AI providers: request, answer, errors, and what a kind of provider implements."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints

from app.brains import limits
from app.immutable import immutable

NO_PROVIDER: Final = (
    "No AI provider is set up. Ask whoever runs Brainbox to add one under Settings, or answer without the AI."
)

DEFAULT_KIND: Final = "openai"
# How brains refer to a provider.
ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
Message = Mapping[str, str]  # role (system, user, assistant) and content


class ProviderError(Exception):
    """Error of a request without an answer; the text says what to do.

    `kind`: denied, limit, timeout, upstream (the provider failed) or unavailable (no provider to ask).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@immutable
class AiRequest:
    """Request to an AI model; `provider`, `model` None = the installation's default; `seconds` for the whole answer."""

    messages: Sequence[Message]
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seconds: float = limits.AI_SECONDS


@immutable
class AiAnswer:
    """Answer of an AI model with its provider, model, token counts and cost (micros).

    `cost` in millionths of `currency`; None where the price is not known.
    """

    text: str
    provider: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int | None = None
    currency: str = ""


@immutable
class AiRecord:
    """Ledger entry of a request; `status` is ok or the kind of the error, `created_at` and `latency_ms` in ms."""

    brain_id: int
    message_id: int | None
    provider: str
    model: str
    prompt: str
    messages: list[dict[str, str]]
    answer: str
    status: str
    error: str
    tokens_in: int
    tokens_out: int
    latency_ms: int
    created_at: int
    cost: int | None = None
    currency: str = ""


class ModelPort(Protocol):
    """Interface of the installation's AI models."""

    def complete(self, request: AiRequest) -> AiAnswer:
        """Answer one request; raises ProviderError."""
        ...


class UsageLedger(Protocol):
    """Interface of the token ledger."""

    def count_used_tokens(self, brain_id: int, now: int) -> int:
        """Return how many tokens a brain has used in the month of `now` (ms)."""
        ...

    def record_call(self, record: AiRecord) -> None:
        """Store a request."""
        ...


class ProviderOptions(BaseModel):
    """Parent of a provider kind's own settings, beyond address, model and key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@immutable
class Endpoint:
    """Configured provider with its decrypted key; equal as long as nothing about it has changed."""

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)
    kind: str = DEFAULT_KIND
    options: Mapping[str, Any] = field(default_factory=dict)


class Client(Protocol):
    """Open client of one provider; threads may share it."""

    def complete(self, request: AiRequest) -> AiAnswer:
        """Answer one request within its time; raises ProviderError."""
        ...

    def list_models(self) -> list[str]:
        """Return the names of the models the provider offers; raises ProviderError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class ProviderKind(Protocol):
    """Interface of a module in app.brains.ai.providers; heavy packages are imported in `create_client` only.

    The fields of Config, with titles and descriptions, are drawn in the provider's form. `sample_options` are valid
    values of them, for tests.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[ProviderOptions]]
    sample_options: ClassVar[Mapping[str, Any]]

    def create_client(self, endpoint: Endpoint, *, allow_private: bool) -> Client:
        """Open a client; `allow_private` permits private addresses and plain http."""
        ...
