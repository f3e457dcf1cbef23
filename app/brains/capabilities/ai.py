"""Ask a language model; which one answers is a provider's business, what it costs the ledger's."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from app.brains import limits
from app.brains.capabilities.contract import Asker, CallRefused, known
from app.db import storable

_NAMES = frozenset({"prompt", "messages", "model", "temperature", "max_tokens"})
_LEAST_SECONDS: Final = 1.0
# Ends of a call that reached a provider; the others cost nothing and are not written down.
_WRITTEN = frozenset({"limit", "timeout", "upstream"})

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AiRequest:
    """One question; without a `provider` or a `model` the installation's own, `seconds` for the whole answer."""

    messages: Sequence[Message]
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seconds: float = limits.AI_SECONDS


@dataclass(frozen=True, slots=True)
class AiAnswer:
    """What the model said, who it was, how many tokens it took, and what they cost.

    `cost` in millionths of `currency`, None where the price is not known.
    """

    text: str
    provider: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class AiRecord:
    """One call as it is written down; `status` is ok or the kind of the refusal."""

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


class Provider(Protocol):
    """Who answers questions."""

    def ask(self, request: AiRequest) -> AiAnswer:
        """Answer one question; raises CallRefused."""
        ...


class Books(Protocol):
    """Who counts the tokens."""

    def spent(self, brain_id: int, now: int) -> int:
        """Return how many tokens a brain has used in the month of `now` (ms)."""
        ...

    def note(self, record: AiRecord) -> None:
        """Write down a call."""
        ...


class Ai:
    """Answers `ai`, as app.brains.prompting asks it. `clock` counts seconds."""

    grant = "ai"

    def __init__(
        self,
        provider: Provider | None = None,
        books: Books | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._books = books
        self._clock = clock

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> str:  # noqa: ARG002  one method
        """Return the model's text; raises CallRefused."""
        request = _request(arguments, asker)
        if self._provider is None:
            raise CallRefused("unavailable", NO_PROVIDER)
        self._check_budget(asker)
        began = self._clock()
        try:
            answer = self._provider.ask(request)
        except CallRefused as refused:
            if refused.kind in _WRITTEN:
                lost = AiAnswer("", request.provider or "", request.model or "")
                self._note((arguments, request, asker), lost, self._clock() - began, refused)
            raise
        self._note((arguments, request, asker), answer, self._clock() - began)
        return storable(answer.text[: limits.AI_ANSWER_CHARS])

    def _check_budget(self, asker: Asker) -> None:
        grant = asker.grants.ai
        allowed = grant.monthly_tokens if grant else 0
        if allowed is None or self._books is None:
            return
        if self._books.spent(asker.brain_id, asker.now) >= allowed:
            raise CallRefused(
                "limit",
                f"This brain has used its {allowed:,} AI tokens for this month. "
                "Allow more in the brain's settings, or wait for the next month.",
            )

    def _note(
        self,
        call: tuple[Mapping[str, Any], AiRequest, Asker],
        answer: AiAnswer,
        seconds: float,
        refused: CallRefused | None = None,
    ) -> None:
        if self._books is None:
            return
        arguments, request, asker = call
        record = AiRecord(
            asker.brain_id,
            asker.message_id,
            answer.provider[:60],
            storable(answer.model[:100]),
            str(arguments.get("prompt") or "")[:60],
            [{"role": each["role"], "content": storable(each["content"])} for each in request.messages],
            storable(answer.text),
            refused.kind if refused else "ok",
            storable(str(refused)[:500]) if refused else "",
            answer.tokens_in,
            answer.tokens_out,
            round(seconds * 1000),
            asker.now,
            answer.cost,
            answer.currency,
        )
        self._books.note(record)


NO_PROVIDER: Final = (
    "No AI provider is set up. Ask whoever runs Brainbox to add one under Settings, or answer without the AI."
)


def _request(arguments: Mapping[str, Any], asker: Asker) -> AiRequest:
    """Read the call's arguments; raises CallRefused."""
    known(arguments, _NAMES)
    messages = arguments.get("messages")
    if type(messages) is not list or not messages:
        raise CallRefused("denied", "There is nothing to ask. Write a prompt.")
    seconds = min(limits.AI_SECONDS, asker.seconds)
    if seconds < _LEAST_SECONDS:
        raise CallRefused("timeout", "No time is left for this question. Ask fewer of them in one run.")
    return AiRequest(
        messages,
        asker.grants.ai.provider if asker.grants.ai else None,
        arguments.get("model"),
        arguments.get("temperature"),
        arguments.get("max_tokens"),
        seconds,
    )
