"""Connections: checked as a whole, secrets sealed and kept."""

from dataclasses import replace

import pytest
from flask import Flask

from app.bot.connections.store import ConnectionInput, InvalidConnectionError
from app.bot.models import Connection
from app.settings import Settings
from app.vault import Vault, VaultError

FIELDS = ConnectionInput(
    "Shop",
    "cloud",
    "106540352242922",
    {"access_token": "EAAG-token", "app_secret": "very-secret-1", "verify_token": "my-word-1"},
)


def create(app: Flask, fields: ConnectionInput = FIELDS) -> Connection:
    connections, services = app.extensions["services"].connections, app.extensions["services"]
    return services.database.write(lambda session: connections.create(session, fields, 1))


def test_secrets_are_sealed_in_the_database_and_open_again(installation: Flask):
    connection = create(installation)
    assert "very-secret-1" not in connection.secrets + str(connection.config)
    config = installation.extensions["services"].connections.load_config(connection)
    assert (config.access_token, config.app_secret) == ("EAAG-token", "very-secret-1")


def test_a_secret_left_empty_keeps_its_value(installation: Flask):
    connection = create(installation)
    connections, services = (
        installation.extensions["services"].connections,
        installation.extensions["services"],
    )
    fields = replace(
        FIELDS, name="Shop 2", config={"access_token": "EAAG-new", "app_secret": "", "verify_token": ""}
    )
    changed = services.database.write(lambda session: connections.update(session, connection.id, fields))
    config = connections.load_config(changed)
    assert (changed.name, config.access_token, config.app_secret) == ("Shop 2", "EAAG-new", "very-secret-1")


def test_every_wrong_field_is_named_at_once(installation: Flask):
    wrong = ConnectionInput(
        "", "cloud", "abc", {"access_token": ""}, messages_per_second=-1, on_unknown="maybe"
    )
    with pytest.raises(InvalidConnectionError) as refused:
        create(installation, wrong)
    assert set(refused.value.fields) >= {
        "name",
        "account",
        "access_token",
        "messages_per_second",
        "on_unknown",
    }


def test_a_number_is_connected_once(installation: Flask):
    create(installation)
    with pytest.raises(InvalidConnectionError, match="already connected"):
        create(installation)


def test_an_unknown_channel_is_refused_with_those_there_are(installation: Flask):
    with pytest.raises(InvalidConnectionError, match="cloud"):
        create(installation, replace(FIELDS, channel="pigeon"))


def test_secrets_open_with_a_former_key_and_not_without(settings: Settings):
    sealed = Vault(settings).encrypt({"token": "x"})
    rotated = settings.model_copy(update={"secret_key": "another secret key 1"})
    with pytest.raises(VaultError, match="SECRET_KEYS_OLD"):
        Vault(rotated).decrypt(sealed)
    both = rotated.model_copy(update={"secret_keys_old": (settings.secret_key,)})
    assert Vault(both).decrypt(sealed) == {"token": "x"}
