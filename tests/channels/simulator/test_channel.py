import asyncio

import pytest

from app.channels.cloud.parse import parse
from app.channels.content import build_text_content
from app.channels.contract import OutboundMessage, Person, SendSuccess, Status
from app.channels.simulator import channel
from app.channels.simulator.channel import (
    AccountError,
    Envelope,
    SimulatorChannel,
    SimulatorConfig,
    clean_account,
)
from tests.channels.simulator.phone_actions import build_audio, build_image, build_location, build_reaction
from tests.http_client.sessions import open_http

AMA = Person(phone="233200000001", name="Ama")
ENVELOPE = Envelope("sim.1", AMA, 1_700_000_000_123, "sim.0")

ACTS = [
    channel.build_text(ENVELOPE, "hi\0"),
    channel.build_button_reply(ENVELOPE, "yes", "Yes"),
    channel.build_button_reply(ENVELOPE, "", "Yes"),
    channel.build_list_reply(ENVELOPE, "1", "One", "the first"),
    build_image(ENVELOPE, "77", "image/png", "c"),
    build_audio(ENVELOPE, "78", "audio/ogg"),
    build_location(ENVELOPE, 5.6, -0.2, "Accra"),
    build_reaction(ENVELOPE, "👍"),
    build_reaction(ENVELOPE, ""),
]


def test_a_message_is_taken_at_once_under_its_key(settings):
    async def run():
        async with open_http() as http:
            outbound = OutboundMessage("bx1", "phone", AMA, build_text_content("hi"))
            channel = SimulatorChannel(settings)
            return await channel.send(http, SimulatorConfig(), outbound), await channel.check(
                http.files, SimulatorConfig(), "phone"
            )

    result, seen = asyncio.run(run())
    assert result == SendSuccess("sim.bx1")
    assert seen.ok


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.kind)
def test_an_act_on_the_phone_means_what_the_same_cloud_message_means(act):
    message = {**act.payload, "from": AMA.phone}
    contacts = [{"wa_id": AMA.phone, "profile": {"name": AMA.name}}]
    value = {"contacts": contacts, "messages": [message]}
    (batch,) = parse({"entry": [{"changes": [{"field": "messages", "value": value}]}]})
    (real,) = batch.items
    for name in ("provider_id", "person", "kind", "text", "is_trigger", "quoted_id"):
        assert getattr(act, name) == getattr(real, name)
    assert act.at // 1000 == real.at // 1000


def test_receipts_carry_the_key():
    assert channel.build_delivered_status("sim.bx1", 5, "bx1") == Status("sim.bx1", "delivered", 5, "bx1")
    assert channel.build_read_status("sim.bx1", 6) == Status("sim.bx1", "read", 6)


def test_a_simulated_number_needs_a_name():
    assert clean_account(" Front desk ") == "Front desk"
    for text in ("", "  ", "x" * 65):
        with pytest.raises(AccountError):
            clean_account(text)
