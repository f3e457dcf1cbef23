"""After a restore without the secret key: the forms open, say so, and saving all secrets heals the row."""

from typing import Any

import pytest

from app.bot.connections.store import ConnectionInput
from app.bot.models import Connection
from app.brains.ai.models import AiProvider
from app.brains.ai.provider_store import ProviderInput
from app.services import Services
from app.vault import Vault, VaultError
from tests.admin.browser import Browser

SECRETS = {"access_token": "EAAB-token", "app_secret": "0123456789abcdef", "verify_token": "a-word-of-mine"}
FIELDS = {"name": "Shop", "account": "106540352242922", "enabled": "on", "loop_guard": "on"}


@pytest.fixture
def lost(services: Services) -> Connection:
    """A cloud connection and an AI provider, encrypted with a key this installation does not have."""
    other = Vault(services.settings.model_copy(update={"secret_key": "another installation's key"}))

    def make(session: Any) -> Connection:
        made = services.connections.create(
            session, ConnectionInput(FIELDS["name"], "cloud", FIELDS["account"], SECRETS), 1
        )
        made.secrets = other.encrypt(SECRETS)
        provider = ProviderInput("openai", "https://api.openai.com/v1", "gpt", "sk-lost")
        services.ai.providers.create(session, provider, 1).secrets = other.encrypt({"key": "sk-lost"})
        return made

    return services.database.write(make)


def save(owner: Browser, path: str, **form: Any) -> Any:
    return owner.post(path, **form)


def test_the_form_of_a_connection_opens_with_empty_secrets_and_says_why(owner: Browser, lost: Connection):
    answer = owner.get(f"/connections/{lost.id}")
    assert answer.status_code == 200
    assert "Enter all of them again" in answer.text
    assert "Leave empty to keep it" not in answer.text


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_secrets_that_are_not_entered_again_are_asked_for(owner: Browser, lost: Connection, missing: str):
    answer = save(owner, f"/connections/{lost.id}", **FIELDS, **{**SECRETS, missing: ""})
    assert answer.status_code == 422
    assert "Nothing is saved yet" in answer.text


def test_saving_all_secrets_of_a_connection_heals_it(owner: Browser, lost: Connection, services: Services):
    assert services.registry.find(lost.id) is None
    assert save(owner, f"/connections/{lost.id}", **FIELDS, **SECRETS).status_code == 302
    healed = services.registry.find(lost.id)
    assert healed
    assert healed.config.model_dump()["access_token"] == SECRETS["access_token"]
    assert "Enter all of them again" not in owner.get(f"/connections/{lost.id}").text


def test_the_form_of_a_provider_opens_and_a_new_key_heals_it(
    owner: Browser, lost: Connection, services: Services
):
    assert lost
    values = {"name": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt", "currency": "USD"}
    page = owner.get("/settings/ai/1")
    assert page.status_code == 200
    assert "Enter the key again" in page.text
    refused = save(owner, "/settings/ai/1", **values)
    assert refused.status_code == 422
    assert "enter it again" in refused.text
    assert save(owner, "/settings/ai/1", **values, key="sk-new").status_code == 302
    with services.database.read() as session:
        assert services.ai.providers.open_endpoint(session.get_one(AiProvider, 1)).key == "sk-new"


def test_a_provider_whose_key_is_lost_can_be_saved_without_one(
    owner: Browser, lost: Connection, services: Services
):
    assert lost
    values = {"name": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt", "currency": "USD"}
    assert save(owner, "/settings/ai/1", **values, keyless="on").status_code == 302
    with services.database.read() as session:
        assert services.ai.providers.open_endpoint(session.get_one(AiProvider, 1)).key == ""


def test_the_vault_says_which_tokens_it_opens(services: Services):
    vault = services.vault
    assert vault.can_decrypt("")
    assert vault.can_decrypt(vault.encrypt({"a": 1}))
    assert not vault.can_decrypt("gAAAA-of-another-key")
    with pytest.raises(VaultError):
        vault.decrypt("gAAAA-of-another-key")
