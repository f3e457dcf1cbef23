"""AI service: sends a request to its provider, keeps clients open, tests a provider, adds the cost."""

import threading
from dataclasses import replace
from typing import Final

from app.brains.ai import prices
from app.brains.ai.contract import (
    NO_PROVIDER,
    AiAnswer,
    AiRequest,
    Client,
    Endpoint,
    ProviderError,
    ProviderKind,
)
from app.brains.ai.models import AiProvider
from app.brains.ai.provider_store import ProviderStore, find_provider, get_provider
from app.brains.ai.providers import KINDS
from app.db.writer import Database
from app.immutable import immutable
from app.vault import VaultError

_PING: Final = "Answer with one word: ready"
_PING_TOKENS: Final = 16
_PING_SECONDS: Final = 15.0


@immutable
class ProviderCheck:
    """Result of a provider test: whether it answers, a message, and its models."""

    ok: bool
    message: str
    models: tuple[str, ...] = ()


class AiService:
    """AI service over the providers in the database; threads may share it."""

    def __init__(self, database: Database, providers: ProviderStore, *, allow_private: bool = False) -> None:
        self.providers = providers
        self._database = database
        self._allow_private = allow_private
        self._lock = threading.Lock()
        self._clients: dict[int, tuple[Endpoint, Client]] = {}

    def complete(self, request: AiRequest) -> AiAnswer:
        """Answer one request; raises ProviderError."""
        with self._database.read() as session:
            row = find_provider(session, request.provider)
        if row is None and request.provider:
            raise ProviderError(
                "unavailable",
                f"There is no AI provider “{request.provider}”. Choose another in the brain's settings.",
            )
        if row is None:
            raise ProviderError("unavailable", NO_PROVIDER)
        return _add_cost(row, request, self._get_client(row).complete(request))

    def check(self, provider_id: int) -> ProviderCheck:
        """Test a provider with a short request and list its models; raises ProviderNotFound."""
        with self._database.read() as session:
            row = get_provider(session, provider_id)
        try:
            client = self._get_client(row)
            models = _list_models(client)
            request = AiRequest(
                [{"role": "user", "content": _PING}], max_tokens=_PING_TOKENS, seconds=_PING_SECONDS
            )
            answer = client.complete(request)
        except ProviderError as refused:
            return ProviderCheck(ok=False, message=str(refused))
        count_text = f" It names {len(models)} models." if models else ""
        return ProviderCheck(
            ok=True, message=f"{row.name} answers: {answer.model} is ready.{count_text}", models=tuple(models)
        )

    def list_models(self, provider_id: int) -> list[str]:
        """List the models a provider offers; raises ProviderNotFound, ProviderError."""
        with self._database.read() as session:
            row = get_provider(session, provider_id)
        return self._get_client(row).list_models()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for _, client in clients:
            client.close()

    def _get_client(self, row: AiProvider) -> Client:
        """Return the cached client of a provider, or a new one when it has changed; raises ProviderError."""
        try:
            endpoint = self.providers.open_endpoint(row)
        except VaultError as error:
            raise ProviderError(
                "unavailable",
                f"The key of {row.name} does not open. An owner can enter it again under Settings.",
            ) from error
        with self._lock:
            cached = self._clients.get(row.id)
            if cached and cached[0] == endpoint:
                return cached[1]
            if cached:
                cached[1].close()
            client = _get_kind(endpoint).create_client(endpoint, allow_private=self._allow_private)
            self._clients[row.id] = (endpoint, client)
            return client


def _add_cost(row: AiProvider, request: AiRequest, answer: AiAnswer) -> AiAnswer:
    # Servers answer for “gpt-4o” as “gpt-4o-2024-08-06”: the price of either will do.
    models = (answer.model, request.model or row.model)
    cost = prices.compute_cost(row.prices, models, (answer.tokens_in, answer.tokens_out))
    return answer if cost is None else replace(answer, cost=cost, currency=row.currency)


def _get_kind(endpoint: Endpoint) -> ProviderKind:
    """Return the kind of a provider; raises ProviderError when this installation no longer has it."""
    kind = KINDS.get(endpoint.kind)
    if kind is None:
        raise ProviderError(
            "unavailable", f"{endpoint.name} is of the kind “{endpoint.kind}”, which is not installed here."
        )
    return kind


def _list_models(client: Client) -> list[str]:
    """List the models; empty where a server does not offer the list."""
    try:
        return client.list_models()
    except ProviderError as refused:
        if refused.kind in {"denied", "timeout"}:
            raise
        return []
