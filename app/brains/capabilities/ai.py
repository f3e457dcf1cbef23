"""Capability `ctx.ai`: permission with its default monthly token quota, call, budget check."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field

from app.brains import limits
from app.brains.ai.contract import (
    NO_PROVIDER,
    AiAnswer,
    AiRecord,
    AiRequest,
    ModelPort,
    ProviderError,
    ProviderName,
    UsageLedger,
)
from app.brains.capabilities.contract import CallContext, CallRefusal, check_arguments
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import (
    NOT_NOW,
    CapabilityKind,
    Environment,
    FormField,
    PermissionRequest,
)
from app.brains.capabilities.script_call import CallParameter, ScriptCall
from app.text import to_storable

_ARGUMENTS = frozenset({"prompt", "messages", "model", "temperature", "max_tokens"})
_MIN_SECONDS: Final = 1.0
# Ends of a call that reached a provider; the others cost nothing and are not written down.
_RECORDED_KINDS = frozenset({"limit", "timeout", "upstream"})


class AiGrant(Grant):
    """Permission to ask a language model, with a monthly token quota (null = unlimited); `provider` null = default."""

    provider: ProviderName | None = None
    monthly_tokens: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = 1_000_000


class Ai:
    """Answers `ai`, as app.brains.runtime.prompts asks it. `clock` counts seconds."""

    def __init__(
        self,
        models: ModelPort | None = None,
        ledger: UsageLedger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._ledger = ledger
        self._clock = clock

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> str:  # noqa: ARG002  one method
        """Return the model's text; raises CallRefusal."""
        request = _build_request(arguments, context)
        if self._models is None:
            raise CallRefusal("unavailable", NO_PROVIDER)
        self._check_budget(context)
        began = self._clock()
        try:
            answer = self._models.complete(request)
        except ProviderError as error:
            if error.kind in _RECORDED_KINDS:
                lost = AiAnswer("", request.provider or "", request.model or "")
                self._record_call((arguments, request, context), lost, self._clock() - began, error)
            raise CallRefusal(error.kind, str(error)) from error
        self._record_call((arguments, request, context), answer, self._clock() - began)
        return to_storable(answer.text[: limits.AI_ANSWER_CHARS])

    def _check_budget(self, context: CallContext) -> None:
        grant = context.grants.get(AiGrant)
        allowed = grant.monthly_tokens if grant else 0
        if allowed is None or self._ledger is None:
            return
        if self._ledger.count_used_tokens(context.brain_id, context.now) >= allowed:
            raise CallRefusal(
                "limit",
                f"This brain has used its {allowed:,} AI tokens for this month. "
                "Allow more in the brain's settings, or wait for the next month.",
            )

    def _record_call(
        self,
        call: tuple[Mapping[str, Any], AiRequest, CallContext],
        answer: AiAnswer,
        seconds: float,
        error: ProviderError | None = None,
    ) -> None:
        if self._ledger is None:
            return
        arguments, request, asker = call
        record = AiRecord(
            asker.brain_id,
            asker.message_id,
            answer.provider[:60],
            to_storable(answer.model[:100]),
            str(arguments.get("prompt") or "")[:60],
            [{"role": each["role"], "content": to_storable(each["content"])} for each in request.messages],
            to_storable(answer.text),
            error.kind if error else "ok",
            to_storable(str(error)[:500]) if error else "",
            answer.tokens_in,
            answer.tokens_out,
            round(seconds * 1000),
            asker.now,
            answer.cost,
            answer.currency,
        )
        self._ledger.record_call(record)


def _build_request(arguments: Mapping[str, Any], context: CallContext) -> AiRequest:
    """Read the call's arguments; raises CallRefusal."""
    check_arguments(arguments, _ARGUMENTS)
    messages = arguments.get("messages")
    if type(messages) is not list or not messages:
        raise CallRefusal("denied", "There is nothing to ask. Write a prompt.")
    seconds = min(limits.AI_SECONDS, context.seconds)
    if seconds < _MIN_SECONDS:
        raise CallRefusal("timeout", "No time is left for this question. Ask fewer of them in one run.")
    grant = context.grants.get(AiGrant)
    return AiRequest(
        messages,
        grant.provider if grant else None,
        arguments.get("model"),
        arguments.get("temperature"),
        arguments.get("max_tokens"),
        seconds,
    )


class AiKind(CapabilityKind):
    """The permission to ask a language model, within a monthly budget of tokens."""

    name = "ai"
    order = 30
    Grant = AiGrant
    title = "Ask the AI"
    help = "Uses tokens. When the monthly quota is used up, the command gets an error and can answer without the AI."
    purpose = "ask the AI"
    quota = limits.CALLS_AI
    reaches_out = True
    section = "The outside, chance and looking inside"
    calls = (
        ScriptCall(
            "ai",
            "Asks the AI",
            'ctx.ai("Say this politely: {text}", text=ctx.message.text)',
            (
                CallParameter("prompt", "text", "The prompt", is_required=True),
                CallParameter("variables", "rest", "The variables"),
            ),
        ),
    )
    sample = MappingProxyType({"monthly_tokens": 5})
    fields = (
        FormField(
            "monthly_tokens",
            "ai_tokens",
            "Tokens a month",
            "number",
            placeholder="any number",
            is_optional=True,
        ),
        FormField("provider", "ai_provider", "Provider", "choice", placeholder="The first one"),
    )

    def build(self, environment: Environment) -> Ai:
        """Return the capability that calls the installation's models and counts their tokens."""
        return Ai(environment.models, environment.ledger)

    def describe_call(self, method: str, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002  one method
        """Return the prompt's name; empty for a script's own text."""
        prompt = arguments.get("prompt")
        return prompt if isinstance(prompt, str) else ""

    def find_requests(
        self, new: AiGrant | None, old: AiGrant | None, *, keep: bool
    ) -> Iterator[PermissionRequest]:
        """Return a request for more tokens, or for another provider unless the brain keeps its own."""
        if new is None:
            return
        if old and not _is_larger(new, old) and (keep or new.provider == old.provider):
            return
        current = f"{_describe_grant(old)} now" if old else NOT_NOW
        yield PermissionRequest("ai", f"Ask the AI, {_describe_grant(new)}", current)

    def compute_grant(
        self, new: AiGrant | None, old: AiGrant | None, given: Collection[str], *, keep: bool
    ) -> AiGrant | None:
        """Return tokens and provider after an import: more of them only where that was given."""
        is_given = self.name in given
        if not (new and (is_given or old)):
            return old if keep else None
        if old is None:
            return new
        more = _is_larger(new, old)
        tokens = (new if (is_given and more if keep else is_given or not more) else old).monthly_tokens
        return AiGrant(
            provider=new.provider if is_given and not keep else old.provider, monthly_tokens=tokens
        )


def _describe_grant(grant: AiGrant) -> str:
    tokens = "any number of" if grant.monthly_tokens is None else f"up to {grant.monthly_tokens:,}"
    through = f" through “{grant.provider}”" if grant.provider else ""
    return f"{tokens} tokens a month{through}"


def _is_larger(new: AiGrant, old: AiGrant) -> bool:
    if old.monthly_tokens is None:
        return False
    return new.monthly_tokens is None or new.monthly_tokens > old.monthly_tokens


capability = AiKind()
