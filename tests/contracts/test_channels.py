"""Every registered channel keeps to the contract; a new one is tested the moment it exists."""

import asyncio
import inspect
import re

import aiohttp
import pytest
from pydantic import BaseModel

from app.bot import channels as registry
from app.bot.channels import DuplicateChannelError, by_kind, load_channels
from app.bot.channels.contract import Channel, Checked, Outbound, Person, Refused, Sent, Uncertain
from app.bot.content import text_content

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def channels(settings):
    return load_channels(settings.model_copy(update={"graph_base_url": NOWHERE}))


@pytest.fixture(params=sorted(by_kind(registry._found())))
def channel(request, channels):
    return channels[request.param]


def filled(config: type[BaseModel]) -> BaseModel:
    """Fill each required field with a word."""
    return config.model_validate(
        {name: "word" for name, field in config.model_fields.items() if field.is_required()}
    )


def test_the_shipped_channels_are_found(channels):
    assert {"cloud", "simulator"} <= set(channels)
    assert all(kind == channel.kind for kind, channel in channels.items())


def test_two_channels_of_one_kind_are_an_error(channels):
    first = type(channels["cloud"])
    with pytest.raises(DuplicateChannelError, match="cloud"):
        by_kind([first, type("Copy", (), {"kind": "cloud"})])


def test_a_channel_says_what_it_is(channel: Channel):
    assert re.fullmatch(r"[a-z][a-z_]{1,31}", channel.kind)
    assert channel.title.strip()
    assert channel.window_hours is None or channel.window_hours > 0
    assert isinstance(channel.repeatable, bool)


def test_a_channel_draws_its_form_and_hides_its_secrets(channel: Channel):
    fields = channel.Config.model_fields
    assert channel.secrets <= set(fields)
    for name, field in fields.items():
        assert field.title, name
        assert field.description, name
    assert "word" not in repr(filled(channel.Config)) or not channel.secrets
    stored = filled(channel.Config).model_dump(mode="json")
    assert channel.Config.model_validate(stored) == filled(channel.Config)


def test_a_channel_cleans_the_account_it_routes_by(channel: Channel):
    clean = getattr(channel, "clean_account")  # noqa: B009  no part of the protocol yet
    assert clean(" 1234567 ") == "1234567"


def test_a_channel_sends_and_checks_without_raising(channel: Channel):
    async def run():
        outbound = Outbound("bx1", "1065", Person(phone="233200000001"), text_content("hi"))
        config = filled(channel.Config)
        async with aiohttp.ClientSession() as http:
            return await channel.send(http, config, outbound), await channel.check(http, config, "1065")

    assert inspect.iscoroutinefunction(channel.send)
    result, checked = asyncio.run(run())
    assert isinstance(result, Sent | Refused | Uncertain)
    assert isinstance(checked, Checked)
    assert checked.message.endswith(".")
