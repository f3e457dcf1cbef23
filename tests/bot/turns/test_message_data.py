"""`message.data` where brains read it: typed content of real kinds in scripts and templates, run by a worker."""

from typing import Any

from flask import Flask
from sqlalchemy import select

from app.bot.models import Message
from app.channels.cloud.parse import parse
from app.channels.contract import InboundMessage
from tests.bot.simulated_bot import SimulatedBot, build_script_command, wait_until
from tests.channels.cloud.webhook_samples import build_message_webhook

SCRIPT = """
data = ctx.message.data
if ctx.message.kind == "location":
    ctx.reply(f"{data.latitude} {data.name}")
elif ctx.message.kind == "contacts":
    ctx.reply(data.contacts[0].name.formatted_name + " " + data.contacts[0].phones[0].phone)
elif ctx.message.kind == "order":
    ctx.reply(f"{data.product_items[0].product_retailer_id} {data.total} {data.currency}")
elif ctx.message.kind == "flow":
    ctx.memory.set("form", data.response)
    ctx.reply(data.response["email"] + " " + data.response.get("none", "-"))
elif data.referral:
    ctx.reply("ad " + data.referral.headline)
else:
    ctx.reply("plain")
"""
BODIES: list[dict[str, Any]] = [
    {"type": "location", "location": {"latitude": 1.5, "longitude": 2, "name": "Home"}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "Ann"}, "phones": [{"phone": "+1"}]}]},
    {
        "type": "order",
        "order": {
            "catalog_id": "c",
            "product_items": [
                {"product_retailer_id": "sku", "quantity": "2", "item_price": 2.5, "currency": "EUR"}
            ],
        },
    },
    {
        "type": "interactive",
        "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"email": "a@b.c"}'}},
    },
    {"type": "text", "text": {"body": "hi"}, "referral": {"headline": "Chairs"}},
    {"type": "text", "text": {"body": "hi"}},
]


def test_scripts_read_the_content_of_every_kind(installation: Flask):
    command = build_script_command("all", SCRIPT, trigger={"kind": "fallback"})
    bot = SimulatedBot(installation, [command], grants={"memory": {"max_entries": 50}})
    now = str(bot.services.clock() // 1000)
    items = []
    for number, body in enumerate(BODIES):
        webhook = build_message_webhook({**body, "id": f"m{number}", "timestamp": now})
        (item,) = [each for batch in parse(webhook) for each in batch.items]
        assert isinstance(item, InboundMessage)
        items.append(item)
    with bot.run_worker():
        bot.services.receive_local(bot.connection_id, items)
        wait_until(lambda: len(_list_texts(bot)) == len(BODIES))
    assert _list_texts(bot) == ["1.5 Home", "Ann +1", "sku 5.0 EUR", "a@b.c -", "ad Chairs", "plain"]


def _list_texts(bot: SimulatedBot) -> list[str]:
    with bot.database.read() as session:
        query = select(Message.text).where(Message.direction == "out").order_by(Message.id)
        return list(session.scalars(query))
