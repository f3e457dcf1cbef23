"""The one place that talks to language models, through the openai package: any server with its protocol will do.

Import it late: the package takes seconds.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx2
import openai
from pydantic import BaseModel

from app.brains import limits
from app.brains.ai.network import Transport, Watch, refuse_encoded
from app.brains.ai.providers import Endpoint
from app.brains.capabilities.ai import AiAnswer, AiRequest
from app.brains.capabilities.contract import CallRefused

T = TypeVar("T")

_PAUSES: Final = (0.5, 1.5)  # seconds before the second and the third try
_LONGEST_PAUSE: Final = 5.0
_MODELS: Final = 500
_CHARS_A_TOKEN: Final = 4
_SHOWN: Final = 200
_KEY_PART: Final = 6


@dataclass(frozen=True, slots=True)
class Nature:
    """What a client takes from outside: clock and sleep in seconds, chance in [0, 1)."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class Client:
    """Asks one provider; threads may share it."""

    def __init__(self, endpoint: Endpoint, nature: Nature, *, allow_private: bool = False) -> None:
        self._endpoint = endpoint
        self._nature = nature
        self._watch = Watch(nature.clock)
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

    def ask(self, request: AiRequest) -> AiAnswer:
        """Answer one question within its time; raises CallRefused."""
        model = request.model or self._endpoint.model
        given: dict[str, Any] = {"model": model, "messages": [dict(each) for each in request.messages]}
        if request.temperature is not None:
            given["temperature"] = request.temperature
        if request.max_tokens is not None:
            given["max_tokens"] = request.max_tokens
        made = self._patiently(lambda: self._complete(given), request.seconds)
        return self._read(made, given)

    def models(self, seconds: float = limits.AI_CONNECT_SECONDS * 2) -> list[str]:
        """List the models the provider names, at most 500; raises CallRefused."""
        page = self._patiently(self._openai.models.list, seconds)
        entries = _plain(page).get("data")
        names = [each.get("id") for each in entries or () if isinstance(each, Mapping)]
        return sorted({name[:100] for name in names if isinstance(name, str) and name})[:_MODELS]

    def _complete(self, given: Mapping[str, Any]) -> Any:
        try:
            return self._openai.chat.completions.create(**given)
        except openai.BadRequestError as error:
            # Newer models know the same limit by another name.
            if error.param != "max_tokens" or "max_tokens" not in given:
                raise
            named = {("max_completion_tokens" if k == "max_tokens" else k): v for k, v in given.items()}
            return self._openai.chat.completions.create(**named)

    def _patiently(self, call: Callable[[], T], seconds: float) -> T:
        """Try again what certainly was not answered, while there is time; raises CallRefused."""
        until = self._nature.clock() + seconds
        tries = 0
        while True:
            left = until - self._nature.clock()
            try:
                with self._watch.over(left):
                    return call()
            except (openai.OpenAIError, httpx2.HTTPError, ValueError, CallRefused) as error:
                pause = self._pause(error, tries)
                if pause is None or pause + 1 > until - self._nature.clock():
                    raise _refusal(error, self._endpoint, seconds) from None
            self._nature.sleep(pause)
            tries += 1

    def _pause(self, error: Exception, tries: int) -> float | None:
        """Return how long to wait before the next try; None when there shall be none."""
        if tries >= len(_PAUSES) or not _is_unanswered(error):
            return None
        told = (
            error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
        )
        wanted = float(told) if told.isdecimal() else 0.0
        pause = max(wanted, _PAUSES[tries] * (0.75 + self._nature.chance() / 2))
        return pause if pause <= _LONGEST_PAUSE else None

    def _read(self, made: Any, given: Mapping[str, Any]) -> AiAnswer:
        data = _plain(made)
        text = _text_of(data)
        if not text.strip():
            raise CallRefused(
                "upstream", f"{self._endpoint.name} gave an answer without words. Ask in other words."
            )
        usage = data.get("usage")
        asked = sum(len(each["content"]) for each in given["messages"])
        return AiAnswer(
            text,
            self._endpoint.name,
            str(data.get("model") or given["model"]),
            _count(usage, "prompt_tokens", asked),
            _count(usage, "completion_tokens", len(text)),
        )


def _is_unanswered(error: Exception) -> bool:
    """Tell whether a try ended before any model was asked: nothing was connected, or it was turned away."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in {429, 503} and error.code != "insufficient_quota"
    cause = error.__cause__
    return isinstance(error, openai.APIConnectionError) and isinstance(
        cause, (httpx2.ConnectError, httpx2.ConnectTimeout)
    )


def _plain(value: Any) -> dict[str, Any]:
    """Return an answer as plain data: servers differ, and nothing about it is sure."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", warnings=False)
    return value if isinstance(value, dict) else {}


def _text_of(data: Mapping[str, Any]) -> str:
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, str) else ""


def _count(usage: Any, name: str, chars: int) -> int:
    """Return the tokens a provider counted; an estimate where it does not say."""
    told = usage.get(name) if isinstance(usage, Mapping) else None
    return told if type(told) is int and 0 <= told < 2**31 else -(-chars // _CHARS_A_TOKEN)


def _refusal(error: Exception, endpoint: Endpoint, seconds: float) -> CallRefused:
    """Return what a script or an operator is told of an error; nothing in it can hold a key."""
    own = error if isinstance(error, CallRefused) else error.__cause__
    if isinstance(own, CallRefused):
        # The network's own words.
        return _private(own) if own.kind == "denied" else own
    if isinstance(error, openai.APITimeoutError):
        told = f"{endpoint.name} did not answer within {seconds:.0f} seconds. Allow fewer tokens, or a faster model."
        return CallRefused("timeout", told)
    if isinstance(error, openai.APIStatusError):
        return CallRefused("limit" if error.status_code == 429 else "upstream", _status(error, endpoint))
    if isinstance(error, openai.APIConnectionError):
        told = f"{endpoint.name} could not be reached. Check its address, or try later."
        return CallRefused("upstream", told)
    told = f"{endpoint.name} gave an answer that cannot be read. Check its address in the settings."
    return CallRefused("upstream", told)


def _private(refused: CallRefused) -> CallRefused:
    more = "For a model on your own network, set AI_ALLOW_PRIVATE=true where Brainbox is installed."
    return CallRefused("denied", f"{refused} {more}")


def _status(error: openai.APIStatusError, endpoint: Endpoint) -> str:
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
    return f"{name} did not accept the question ({status}){_told(error.body, endpoint.key)}"


def _limited(error: openai.APIStatusError, name: str) -> str:
    if error.code == "insufficient_quota":
        return f"The account at {name} has no credit left. Add some there."
    return f"{name} takes no more questions for now. Try again in a minute, or ask for a higher limit there."


def _told(body: Any, key: str) -> str:
    """Quote a provider's own words, unless they hold any part of the key."""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str) or not message.strip():
        return "."
    parts = [key[at : at + _KEY_PART] for at in range(max(len(key) - _KEY_PART + 1, 0))]
    if any(part in message for part in parts):
        return "."
    return f": {' '.join(message.split())[:_SHOWN]}"
