import asyncio

import aiohttp
import pytest

from app.bot.channels import simulator
from app.bot.channels.cloud.parse import parse
from app.bot.channels.contract import Outbound, Person, Sent, Status
from app.bot.channels.simulator import (
    AccountError,
    Envelope,
    SimulatorChannel,
    SimulatorConfig,
    clean_account,
)
from app.bot.content import text_content

AMA = Person(phone="233200000001", name="Ama")
ENVELOPE = Envelope("sim.1", AMA, 1_700_000_000_123, "sim.0")

ACTS = [
    simulator.text(ENVELOPE, "hi\0"),
    simulator.button(ENVELOPE, "yes", "Yes"),
    simulator.button(ENVELOPE, "", "Yes"),
    simulator.list_choice(ENVELOPE, "1", "One", "the first"),
    simulator.image(ENVELOPE, "77", "image/png", "c"),
    simulator.audio(ENVELOPE, "78", "audio/ogg"),
    simulator.location(ENVELOPE, 5.6, -0.2, "Accra"),
    simulator.reaction(ENVELOPE, "👍"),
    simulator.reaction(ENVELOPE, ""),
]


def test_a_message_is_taken_at_once_under_its_key(settings):
    async def run():
        async with aiohttp.ClientSession() as http:
            outbound = Outbound("bx1", "phone", AMA, text_content("hi"))
            channel = SimulatorChannel(settings)
            return await channel.send(http, SimulatorConfig(), outbound), await channel.check(
                http, SimulatorConfig(), "phone"
            )

    result, seen = asyncio.run(run())
    assert result == Sent("sim.bx1")
    assert seen.ok


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.kind)
def test_an_act_on_the_phone_means_what_the_same_cloud_message_means(act):
    message = {**act.payload, "from": AMA.phone}
    contacts = [{"wa_id": AMA.phone, "profile": {"name": AMA.name}}]
    value = {"contacts": contacts, "messages": [message]}
    (batch,) = parse({"entry": [{"changes": [{"field": "messages", "value": value}]}]})
    (real,) = batch.items
    for name in ("provider_id", "person", "kind", "text", "triggers", "quoted_id"):
        assert getattr(act, name) == getattr(real, name)
    assert act.at // 1000 == real.at // 1000


def test_receipts_carry_the_key():
    assert simulator.delivered("sim.bx1", 5, "bx1") == Status("sim.bx1", "delivered", 5, "bx1")
    assert simulator.read("sim.bx1", 6) == Status("sim.bx1", "read", 6)


def test_a_simulated_number_needs_a_name():
    assert clean_account(" Front desk ") == "Front desk"
    for text in ("", "  ", "x" * 65):
        with pytest.raises(AccountError):
            clean_account(text)
