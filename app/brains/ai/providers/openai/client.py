"""Client of the chat completions API through the openai package: retries, delays, time limit, error texts.

The package takes seconds to import.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx2
import openai
from pydantic import BaseModel

from app.brains import limits
from app.brains.ai.contract import AiAnswer, AiRequest, Endpoint, ProviderError
from app.brains.ai.transport import ExchangeBudget, Transport, refuse_encoded
from app.immutable import immutable

T = TypeVar("T")

_RETRY_DELAYS_S: Final = (0.5, 1.5)  # seconds before the second and the third try
_MAX_RETRY_DELAY_S: Final = 5.0
_MAX_MODELS: Final = 500
_CHARS_A_TOKEN: Final = 4
_MAX_QUOTED_CHARS: Final = 200
_KEY_PART_CHARS: Final = 6


@immutable
class ClientEnvironment:
    """Dependencies of a client: clock and sleep in seconds, jitter in [0, 1)."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


class Client:
    """Client of one provider; threads may share it."""

    def __init__(
        self, endpoint: Endpoint, environment: ClientEnvironment, *, allow_private: bool = False
    ) -> None:
        self._endpoint = endpoint
        self._environment = environment
        self._watch = ExchangeBudget(environment.clock)
        http = httpx2.Client(
            transport=Transport(self._watch, allow_private=allow_private),
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [refuse_encoded]},
        )
        timeout = httpx2.Timeout(limits.AI_SECONDS, connect=limits.AI_CONNECT_SECONDS)
        self._openai = openai.OpenAI(
            api_key=endpoint.key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def complete(self, request: AiRequest) -> AiAnswer:
        """Answer one request within its time; raises ProviderError."""
        model = request.model or self._endpoint.model
        parameters: dict[str, Any] = {"model": model, "messages": [dict(each) for each in request.messages]}
        if request.temperature is not None:
            parameters["temperature"] = request.temperature
        if request.max_tokens is not None:
            parameters["max_tokens"] = request.max_tokens
        completion = self._retry(lambda: self._create_completion(parameters), request.seconds)
        return self._parse_answer(completion, parameters)

    def list_models(self, seconds: float = limits.AI_CONNECT_SECONDS * 2) -> list[str]:
        """List the models the provider offers, at most 500; raises ProviderError."""
        page = self._retry(self._openai.models.list, seconds)
        entries = _to_dict(page).get("data")
        names = [each.get("id") for each in entries or () if isinstance(each, Mapping)]
        return sorted({name[:100] for name in names if isinstance(name, str) and name})[:_MAX_MODELS]

    def _create_completion(self, parameters: Mapping[str, Any]) -> Any:
        try:
            return self._openai.chat.completions.create(**parameters)
        except openai.BadRequestError as error:
            # Newer models know the same limit by another name.
            if error.param != "max_tokens" or "max_tokens" not in parameters:
                raise
            renamed = {
                ("max_completion_tokens" if k == "max_tokens" else k): v for k, v in parameters.items()
            }
            return self._openai.chat.completions.create(**renamed)

    def _retry(self, call: Callable[[], T], seconds: float) -> T:
        """Repeat a call that was certainly not answered, while there is time; raises ProviderError."""
        until = self._environment.clock() + seconds
        tries = 0
        while True:
            left = until - self._environment.clock()
            try:
                with self._watch.limit(left):
                    return call()
            except (openai.OpenAIError, httpx2.HTTPError, ValueError, ProviderError) as error:
                pause = self._compute_delay_s(error, tries)
                if pause is None or pause + 1 > until - self._environment.clock():
                    raise _build_error(error, self._endpoint, seconds) from None
            self._environment.sleep(pause)
            tries += 1

    def _compute_delay_s(self, error: Exception, tries: int) -> float | None:
        """Return the delay before the next attempt (s); None when there shall be none."""
        if tries >= len(_RETRY_DELAYS_S) or not _is_unanswered(error):
            return None
        retry_after = (
            error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
        )
        requested_s = float(retry_after) if retry_after.isdecimal() else 0.0
        pause = max(requested_s, _RETRY_DELAYS_S[tries] * (0.75 + self._environment.jitter() / 2))
        return pause if pause <= _MAX_RETRY_DELAY_S else None

    def _parse_answer(self, completion: Any, parameters: Mapping[str, Any]) -> AiAnswer:
        data = _to_dict(completion)
        text = _extract_text(data)
        if not text.strip():
            raise ProviderError(
                "upstream", f"{self._endpoint.name} gave an answer without words. Ask in other words."
            )
        usage = data.get("usage")
        prompt_chars = sum(len(each["content"]) for each in parameters["messages"])
        return AiAnswer(
            text,
            self._endpoint.name,
            str(data.get("model") or parameters["model"]),
            _count_tokens(usage, "prompt_tokens", prompt_chars),
            _count_tokens(usage, "completion_tokens", len(text)),
        )


def _is_unanswered(error: Exception) -> bool:
    """Tell whether an attempt ended before the model was asked: no connection, or refused by load."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in {429, 503} and error.code != "insufficient_quota"
    cause = error.__cause__
    return isinstance(error, openai.APIConnectionError) and isinstance(
        cause, (httpx2.ConnectError, httpx2.ConnectTimeout)
    )


def _to_dict(value: Any) -> dict[str, Any]:
    """Return an answer as plain data; its shape differs between servers and is not trusted."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", warnings=False)
    return value if isinstance(value, dict) else {}


def _extract_text(data: Mapping[str, Any]) -> str:
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, str) else ""


def _count_tokens(usage: Any, name: str, chars: int) -> int:
    """Return the token count of a provider; an estimate where it reports none."""
    reported = usage.get(name) if isinstance(usage, Mapping) else None
    return reported if type(reported) is int and 0 <= reported < 2**31 else -(-chars // _CHARS_A_TOKEN)


def _build_error(error: Exception, endpoint: Endpoint, seconds: float) -> ProviderError:
    """Build the error shown to a script or an operator; its text never holds a key."""
    own = error if isinstance(error, ProviderError) else error.__cause__
    if isinstance(own, ProviderError):
        # The network's own words.
        return _add_private_hint(own) if own.kind == "denied" else own
    if isinstance(error, openai.APITimeoutError):
        message = f"{endpoint.name} did not answer within {seconds:.0f} seconds. Allow fewer tokens, or a faster model."
        return ProviderError("timeout", message)
    if isinstance(error, openai.APIStatusError):
        return ProviderError(
            "limit" if error.status_code == 429 else "upstream", _describe_status(error, endpoint)
        )
    if isinstance(error, openai.APIConnectionError):
        message = f"{endpoint.name} could not be reached. Check its address, or try later."
        return ProviderError("upstream", message)
    message = f"{endpoint.name} gave an answer that cannot be read. Check its address in the settings."
    return ProviderError("upstream", message)


def _add_private_hint(error: ProviderError) -> ProviderError:
    more = "For a model on your own network, set AI_ALLOW_PRIVATE=true where Brainbox is installed."
    return ProviderError("denied", f"{error} {more}")


def _describe_status(error: openai.APIStatusError, endpoint: Endpoint) -> str:
    name, status = endpoint.name, error.status_code
    if status in {401, 403}:
        return f"{name} does not accept the key. An owner can enter it again under Settings, AI providers."
    if status == 429 and error.code == "insufficient_quota":
        return f"The account at {name} has no credit left. Add some there."
    if status == 429:
        return (
            f"{name} takes no more questions for now. Try again in a minute, or ask for a higher limit there."
        )
    if status == 404:
        return (
            f"{name} does not know this model, or its address is wrong. Test it under Settings, AI providers."
        )
    if status >= 500:
        return f"{name} has trouble of its own ({status}). Try again later."
    return f"{name} did not accept the question ({status}){_quote_message(error.body, endpoint.key)}"


def _quote_message(body: Any, key: str) -> str:
    """Quote a provider's own message, unless it holds any part of the key."""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str) or not message.strip():
        return "."
    parts = [key[at : at + _KEY_PART_CHARS] for at in range(max(len(key) - _KEY_PART_CHARS + 1, 0))]
    if any(part in message for part in parts):
        return "."
    return f": {' '.join(message.split())[:_MAX_QUOTED_CHARS]}"
