"""Echo bot on pywa and Flask, as pywa's documentation writes one: nothing is kept, the handler runs before the answer.

Run by gunicorn: `gunicorn --workers 2 --threads 8 bench.peer_bots.pywa_flask:app`.
"""

import os

import flask
import httpx
from pywa import filters
from pywa.client import WhatsApp
from pywa.types.message import Message

from bench.product import SECRETS, WEBHOOK

app = flask.Flask(__name__)
# pywa sets the address of Meta's Graph API on the client it is given: it is changed below, afterwards.
_client = httpx.Client(timeout=10, limits=httpx.Limits(max_keepalive_connections=64))
_whatsapp = WhatsApp(
    phone_id=SECRETS.phone_id,
    token=SECRETS.token,
    session=_client,
    server=app,
    webhook_endpoint=WEBHOOK,
    verify_token=SECRETS.verify_token,
    app_secret=SECRETS.app_secret,
)
_client.base_url = f"{os.environ['GRAPH_BASE_URL']}/v21.0"


@_whatsapp.on_message(filters.startswith("!echo "))
def _echo(_client: WhatsApp, message: Message) -> None:
    message.reply_text((message.text or "").removeprefix("!echo "))


@app.get("/readyz")
def _tell_ready() -> str:
    return "ready"
