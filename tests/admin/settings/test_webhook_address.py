"""What a provider can reach is told from what only this machine or network can."""

import pytest

from app.admin.settings.webhook_address import is_public_address


@pytest.mark.parametrize(
    ("url", "is_public"),
    [
        ("https://bots.example.com/webhooks/whatsapp", True),
        ("https://8.8.8.8/webhooks/whatsapp", True),
        ("https://[2001:4860:4860::8888]/webhooks", True),
        ("http://bots.example.com/webhooks/whatsapp", False),
        ("https://localhost/webhooks/whatsapp", False),
        ("https://bots.localhost:8443/webhooks", False),
        ("https://10.1.2.3/webhooks", False),
        ("https://192.168.7.7:8000/webhooks", False),
        ("https://[::1]/webhooks", False),
        ("https://printer.local/webhooks", False),
        ("https://intranet/webhooks", False),
        ("", False),
    ],
)
def test_an_address_of_this_machine_or_network_is_not_public(url: str, is_public: bool):
    assert is_public_address(url) is is_public
