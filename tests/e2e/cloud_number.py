"""A WhatsApp number in front of the product: what people write to it, and the receipts of what they got."""

import hashlib
import hmac
import json
import time
import urllib.request
from dataclasses import dataclass
from itertools import count
from typing import Any

from playwright.sync_api import Page, expect

from bench.graph import Accepted

_ids = count(1)


@dataclass(frozen=True)
class CloudNumber:
    """A number of the Cloud API by its id; `secret` signs its webhooks, `account` is the business it belongs to."""

    product: str
    number: str
    secret: str
    account: str = ""

    def connect(self, page: Page, name: str, brain: str = "") -> None:
        """Make its connection."""
        page.goto("/connections/new?channel=cloud")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Phone number ID").fill(self.number)
        page.get_by_label("Access token").fill("EAAG-number-token")
        page.get_by_label("App secret").fill(self.secret)
        page.get_by_label("Verify token").fill("number-verify")
        page.get_by_label("WhatsApp Business account id").fill(self.account)
        if brain:
            page.get_by_label("Brain that answers").select_option(label=brain)
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("button", name="Test the connection")).to_be_visible()

    def send_text(self, person: str, text: str) -> None:
        """Let a person write a text."""
        message = {
            "from": person, "id": f"wamid.{self.number}.{next(_ids)}", "timestamp": str(int(time.time())),
            "type": "text", "text": {"body": text},
        }  # fmt: skip
        self.post_webhook(
            {"contacts": [{"profile": {"name": person}, "wa_id": person}], "messages": [message]}
        )

    def send_receipt(self, sent: Accepted, word: str, **more: Any) -> None:
        """Report what became of a message."""
        found = {
            "id": sent.send.wamid, "status": word, "timestamp": str(int(time.time())), "recipient_id": sent.send.to,
            "biz_opaque_callback_data": sent.request["biz_opaque_callback_data"], **more,
        }  # fmt: skip
        self.post_webhook({"statuses": [found]})

    def post_webhook(self, value: dict[str, Any]) -> None:
        """Deliver a signed webhook."""
        metadata = {"display_phone_number": "15550000000", "phone_number_id": self.number}
        change = {
            "field": "messages",
            "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
        }
        body = json.dumps(
            {
                "object": "whatsapp_business_account",
                "entry": [{"id": self.account or "1", "changes": [change]}],
            }
        ).encode()
        signature = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.product}/webhooks/whatsapp", body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
