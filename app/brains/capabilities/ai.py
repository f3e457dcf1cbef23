"""Ask a language model; which one answers is a provider's business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from app.brains.capabilities.contract import Asker, CallRefused, known, text_of
from app.db import storable

_PROMPT_CHARS: Final = 32_768
_VARIABLES: Final = 25
_ANSWER_CHARS: Final = 16_384
_NAMES = frozenset({"prompt", "variables"})


@dataclass(frozen=True, slots=True)
class AiRequest:
    """One question: a prompt and the values that belong to it, asked by a brain."""

    brain_id: int
    prompt: str
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AiAnswer:
    """What the model said."""

    text: str


class Provider(Protocol):
    """Who answers questions, and counts the tokens."""

    def ask(self, request: AiRequest) -> AiAnswer:
        """Answer one question; raises CallRefused."""
        ...


class Ai:
    """Answers `ai`. `spent` says how many tokens a brain has used this month."""

    grant = "ai"

    def __init__(self, provider: Provider | None = None, spent: Callable[[int], int] = lambda _: 0) -> None:
        self._provider = provider
        self._spent = spent

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> str:  # noqa: ARG002  one method
        """Return the model's text; raises CallRefused."""
        known(arguments, _NAMES)
        prompt = text_of(arguments, "prompt", _PROMPT_CHARS)
        variables = arguments.get("variables", {})
        if type(variables) is not dict or len(variables) > _VARIABLES:
            raise CallRefused("denied", f"A prompt takes at most {_VARIABLES} named values.")
        if self._provider is None:
            raise CallRefused(
                "unavailable",
                "No AI provider is set up. Ask whoever runs Brainbox to add one, or answer without ctx.ai.",
            )
        allowed = asker.grants.ai.monthly_tokens if asker.grants.ai else 0
        if self._spent(asker.brain_id) >= allowed:
            raise CallRefused("limit", f"This brain has used its {allowed:,} tokens for this month.")
        answer = self._provider.ask(AiRequest(asker.brain_id, prompt, variables))
        return storable(answer.text[:_ANSWER_CHARS])
