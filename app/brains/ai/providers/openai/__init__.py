"""Provider kind for servers with OpenAI's chat completions API (OpenAI, OpenRouter, vLLM, Ollama)."""

from types import MappingProxyType

from app.brains.ai.contract import Client, Endpoint, ProviderOptions

kind = "openai"
title = "OpenAI and compatible"
sample_options = MappingProxyType({})


class Config(ProviderOptions):
    """No settings beyond address, model and key."""


def create_client(endpoint: Endpoint, *, allow_private: bool) -> Client:
    """Open a client; the openai package takes seconds to import, so it is imported here only."""
    from app.brains.ai.providers.openai import client  # noqa: PLC0415

    return client.Client(endpoint, client.ClientEnvironment(), allow_private=allow_private)
