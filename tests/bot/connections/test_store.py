"""Connections: checked as a whole, secrets sealed and kept."""

from dataclasses import replace

import pytest
from flask import Flask

from app.bot.connections import ConnectionRefused, Wish
from app.bot.models import Connection
from app.settings import Settings
from app.vault import Vault, VaultError

WISH = Wish(
    "Shop",
    "cloud",
    "106540352242922",
    {"access_token": "EAAG-token", "app_secret": "very-secret-1", "verify_token": "my-word-1"},
)


def made(app: Flask, wish: Wish = WISH) -> Connection:
    connections, house = app.extensions["bot"].connections, app.extensions["house"]
    return house.database.write(lambda session: connections.create(session, wish, 1))


def test_secrets_are_sealed_in_the_database_and_open_again(installation: Flask):
    connection = made(installation)
    assert "very-secret-1" not in connection.secrets + str(connection.config)
    config = installation.extensions["bot"].connections.config(connection)
    assert (config.access_token, config.app_secret) == ("EAAG-token", "very-secret-1")


def test_a_secret_left_empty_keeps_its_value(installation: Flask):
    connection = made(installation)
    connections, house = installation.extensions["bot"].connections, installation.extensions["house"]
    wish = replace(
        WISH, name="Shop 2", config={"access_token": "EAAG-new", "app_secret": "", "verify_token": ""}
    )
    changed = house.database.write(lambda session: connections.update(session, connection.id, wish))
    config = connections.config(changed)
    assert (changed.name, config.access_token, config.app_secret) == ("Shop 2", "EAAG-new", "very-secret-1")


def test_every_wrong_field_is_named_at_once(installation: Flask):
    wrong = Wish("", "cloud", "abc", {"access_token": ""}, messages_per_second=-1, on_unknown="maybe")
    with pytest.raises(ConnectionRefused) as refused:
        made(installation, wrong)
    assert set(refused.value.fields) >= {
        "name",
        "account",
        "access_token",
        "messages_per_second",
        "on_unknown",
    }


def test_a_number_is_connected_once(installation: Flask):
    made(installation)
    with pytest.raises(ConnectionRefused, match="already connected"):
        made(installation)


def test_an_unknown_channel_is_refused_with_those_there_are(installation: Flask):
    with pytest.raises(ConnectionRefused, match="cloud"):
        made(installation, replace(WISH, channel="pigeon"))


def test_secrets_open_with_a_former_key_and_not_without(settings: Settings):
    sealed = Vault(settings).seal({"token": "x"})
    rotated = settings.model_copy(update={"secret_key": "another secret key 1"})
    with pytest.raises(VaultError, match="SECRET_KEYS_OLD"):
        Vault(rotated).open(sealed)
    both = rotated.model_copy(update={"secret_keys_old": (settings.secret_key,)})
    assert Vault(both).open(sealed) == {"token": "x"}
