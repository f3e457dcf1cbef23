"""Every kind of AI provider keeps the contract, and a new one is a new file."""

import pytest

from app.brains.ai.contract import Endpoint, ProviderOptions
from app.brains.ai.providers import KINDS
from tests.brains.scratch import run_with_module

SCRATCH = '''
"""Answers with the end of what it was asked."""

from pydantic import Field

from app.brains.ai.contract import AiAnswer, ProviderOptions

kind = "echo"
title = "Echo"
sample_options = {"chars": 4}


class Config(ProviderOptions):
    """How much of a request comes back."""

    chars: int = Field(title="Characters", description="Of the end.", ge=1)


class Client:
    def __init__(self, endpoint):
        self._endpoint = endpoint

    def complete(self, request):
        text = request.messages[-1]["content"][-self._endpoint.options["chars"] :]
        return AiAnswer(text, self._endpoint.name, self._endpoint.model)

    def list_models(self):
        return [self._endpoint.model]

    def close(self):
        pass


def create_client(endpoint, *, allow_private):
    return Client(endpoint)
'''
USE_SCRATCH = """
import contextlib
from types import SimpleNamespace
from unittest import mock

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.admin.ui import schema_form
from app.brains.ai.contract import AiRequest
from app.brains.ai.models import AiProvider
from app.brains.ai.provider_store import InvalidProvider, ProviderInput, ProviderStore, list_kinds
from app.brains.ai.service import AiService

print("Echo" in [each.title for each in list_kinds()])
engine = sa.create_engine("sqlite://")
AiProvider.__table__.create(engine)
vault = SimpleNamespace(encrypt=lambda secrets: "", decrypt=lambda text: {}, can_decrypt=lambda text: True)
store = ProviderStore(vault)
with Session(engine) as session:
    wanted = dict(name="mine", base_url="https://ai.example.com/v1", model="m", kind="echo")
    for options in ({"chars": 0}, {"other": 1}):
        try:
            store.create(session, ProviderInput(**wanted, options=options), 1)
        except InvalidProvider as error:
            print(sorted(error.fields))
    # As a form and the command line give it: a text.
    print(store.create(session, ProviderInput(**wanted, options={"chars": "4"}), 1).options)
    database = SimpleNamespace(read=lambda: contextlib.nullcontext(session))
    service = AiService(database, store)
    print(service.complete(AiRequest([{"role": "user", "content": "Good morning"}])).text)
    print(service.check(1).ok)
    service.close()

import flask
from app.admin.settings import ai_providers

drawn = {}
show = lambda *names, **values: drawn.update(values)
with flask.Flask("x").app_context(), mock.patch.object(ai_providers, "show", show):
    with mock.patch.object(ai_providers, "services", mock.MagicMock()):
        ai_providers._form(ProviderInput("", "", "", kind="echo"))
print("echo" in [each.kind for each in drawn["kinds"]])
print([(each.name, each.label, each.type) for each in drawn["options"]])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_keeps_the_contract(kind: str):
    provider = KINDS[kind]
    assert provider.kind == kind
    assert provider.title
    assert issubclass(provider.Config, ProviderOptions)
    assert all(field.title and field.description for field in provider.Config.model_fields.values())
    options = provider.Config.model_validate(provider.sample_options).model_dump(mode="json")
    endpoint = Endpoint("home", "https://ai.example.com/v1", "small", "key", kind, options)
    client = provider.create_client(endpoint, allow_private=False)
    assert callable(client.complete)
    assert callable(client.list_models)
    client.close()
    assert "key" not in repr(endpoint).replace("kind", "")


def test_a_new_kind_is_one_new_file(tmp_path):
    module = tmp_path / "echo.py"
    module.write_text(SCRATCH)
    assert run_with_module("app.brains.ai.providers", module, USE_SCRATCH).splitlines() == [
        "True",
        "['option_chars']",
        "['option_chars', 'option_other']",
        "{'chars': 4}",
        "ning",
        "True",
        "True",
        "[('chars', 'Characters', 'number')]",
    ]
