"""The installation's language models: the right provider for each question, its client kept open."""

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from app.brains.ai import prices
from app.brains.ai.models import AiProvider
from app.brains.ai.providers import Endpoint, Providers, find_provider, get_provider
from app.brains.capabilities.ai import NO_PROVIDER, AiAnswer, AiRequest
from app.brains.capabilities.contract import CallRefused
from app.vault import VaultError
from app.writer import Database

if TYPE_CHECKING:
    from app.brains.ai.provider import Client

_PING: Final = "Answer with one word: ready"
_PING_TOKENS: Final = 16
_PING_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a test of a provider found: whether it answers, in words, and the models it names."""

    ok: bool
    message: str
    models: tuple[str, ...] = ()


class AiService:
    """Answers questions by the providers in the database; threads may share it."""

    def __init__(self, database: Database, providers: Providers, *, allow_private: bool = False) -> None:
        self.providers = providers
        self._database = database
        self._allow_private = allow_private
        self._lock = threading.Lock()
        self._clients: dict[int, tuple[Endpoint, Client]] = {}

    def ask(self, request: AiRequest) -> AiAnswer:
        """Answer one question; raises CallRefused."""
        with self._database.read() as session:
            row = find_provider(session, request.provider)
        if row is None and request.provider:
            raise CallRefused(
                "unavailable",
                f"There is no AI provider “{request.provider}”. Choose another in the brain's settings.",
            )
        if row is None:
            raise CallRefused("unavailable", NO_PROVIDER)
        return _priced(row, request, self._client(row).ask(request))

    def check(self, provider_id: int) -> Checked:
        """Try a provider with a tiny question and list its models; raises ProviderNotFound."""
        with self._database.read() as session:
            row = get_provider(session, provider_id)
        try:
            client = self._client(row)
            models = _models(client)
            request = AiRequest(
                [{"role": "user", "content": _PING}], max_tokens=_PING_TOKENS, seconds=_PING_SECONDS
            )
            answer = client.ask(request)
        except CallRefused as refused:
            return Checked(ok=False, message=str(refused))
        listed = f" It names {len(models)} models." if models else ""
        return Checked(
            ok=True, message=f"{row.name} answers: {answer.model} is ready.{listed}", models=tuple(models)
        )

    def models(self, provider_id: int) -> list[str]:
        """List the models a provider names; raises ProviderNotFound, CallRefused."""
        with self._database.read() as session:
            row = get_provider(session, provider_id)
        return self._client(row).models()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for _, client in clients:
            client.close()

    def _client(self, row: AiProvider) -> "Client":
        """Return the kept client of a provider, or another one when it has changed; raises CallRefused."""
        try:
            endpoint = self.providers.endpoint(row)
        except VaultError as error:
            raise CallRefused(
                "unavailable",
                f"The key of {row.name} does not open. An owner can enter it again under Settings.",
            ) from error
        with self._lock:
            kept = self._clients.get(row.id)
            if kept and kept[0] == endpoint:
                return kept[1]
            if kept:
                kept[1].close()
            client = _make(endpoint, allow_private=self._allow_private)
            self._clients[row.id] = (endpoint, client)
            return client


def _priced(row: AiProvider, request: AiRequest, answer: AiAnswer) -> AiAnswer:
    # Servers answer for “gpt-4o” as “gpt-4o-2024-08-06”: the price of either will do.
    models = (answer.model, request.model or row.model)
    cost = prices.cost(row.prices, models, (answer.tokens_in, answer.tokens_out))
    return answer if cost is None else replace(answer, cost=cost, currency=row.currency)


def _make(endpoint: Endpoint, *, allow_private: bool) -> "Client":
    # The package behind it takes seconds to import: only who asks a model waits for it.
    from app.brains.ai.provider import Client, Nature  # noqa: PLC0415

    return Client(endpoint, Nature(), allow_private=allow_private)


def _models(client: "Client") -> list[str]:
    """List the models; none where a server does not tell, which is no fault."""
    try:
        return client.models()
    except CallRefused as refused:
        if refused.kind in {"denied", "timeout"}:
            raise
        return []
