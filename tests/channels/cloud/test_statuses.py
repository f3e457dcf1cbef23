import pytest

from app.channels.contract import RawItem, Status
from tests.channels.cloud.webhook_samples import build_webhook, load_fixture, parse_single_item


def test_a_failed_status_tells_its_code_and_what_helps():
    status = parse_single_item(load_fixture("pywa_message_status__failed"))
    assert (status.provider_id, status.status, status.at) == ("wamid.xyzxyz", "failed", 1689380458_000)
    assert status.error_code == "130472"
    assert status.error.startswith("Meta withheld this marketing message")
    assert status.error.endswith("because this user's phone number is part of an experiment")


@pytest.mark.parametrize(
    "word", ["sent", "delivered", "read", "played", "failed", "deleted", "warning", "teleported"]
)
def test_a_status_with_any_word_is_a_status_and_echoes_our_key(word):
    raw = {"id": "wamid.1", "status": word, "timestamp": 1700000000, "biz_opaque_callback_data": "bx1"}
    assert parse_single_item(build_webhook({"statuses": [raw]})) == Status(
        "wamid.1", word, 1700000000_000, "bx1", payload=raw
    )


@pytest.mark.parametrize(
    "raw", [{}, {"id": "1"}, {"status": "sent"}, {"id": "1", "status": 7}, 3, None, "sent"]
)
def test_a_status_without_an_id_or_a_word_is_kept_raw(raw):
    assert parse_single_item(build_webhook({"statuses": [raw]})) == RawItem("statuses", raw)
