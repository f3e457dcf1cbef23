"""The page of notices: words and remedies, who may do what, the number in the menu, paging, the dashboard."""

from typing import Any

import pytest

from app.bot import notices
from app.bot.models import Connection
from app.channels.cloud.parse import build_notice
from app.services import Services
from tests.admin.browser import Browser

BAN = {
    "event": "DISABLED_UPDATE",
    "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "soon"},
}
STOP = {"user_preferences": [{"wa_id": "15550100001", "value": "stop", "category": "marketing_messages"}]}


def tell(services: Services, connection: Connection, field: str, payload: Any) -> None:
    services.receive_local(connection.id, [build_notice(field, payload)])


def test_the_page_without_notices_says_so(owner: Browser):
    assert "WhatsApp has said nothing yet" in owner.get("/notices/").text
    assert "Nothing here" in owner.get("/notices/?new=yes").text


CASES = [
    ("account_update", BAN, "Account banned", 1),
    ("account_update", {"event": "ACCOUNT_RESTRICTION"}, "Account limited", 1),
    (
        "message_template_status_update",
        {"event": "REJECTED", "message_template_name": "<b>", "reason": "ABUSIVE_CONTENT"},
        "“&lt;b&gt;”: abusive content",
        1,
    ),
    (
        "message_template_status_update",
        {"event": "APPROVED", "message_template_name": "x"},
        "Template approved",
        0,
    ),
    ("phone_number_quality_update", {"event": "FLAGGED", "current_limit": "TIER_1K"}, "tier 1k", 1),
    ("calls", {"calls": [{"event": "connect", "from": "15550100001"}]}, "Missed call", 1),
    ("history", {"history": [{"metadata": {"progress": 55}}]}, "55 %", 0),
    ("errors", {"code": 130429, "title": "x"}, "Error 130429", 1),
    ("user_preferences", STOP, "Send them no marketing templates", 0),
    ("brand_new", {"x": 1}, "Brand new", 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_a_notice_is_said_in_words_with_its_remedy(
    owner: Browser, services: Services, simulated_connection: Connection, case: tuple[str, Any, str, int]
):
    field, payload, words, alerts = case
    tell(services, simulated_connection, field, payload)
    page = owner.get("/notices/").text
    assert words in page
    with services.database.read() as session:
        assert notices.count_unseen(session) == alerts
        assert len(notices.list_alerts(session)) == alerts
    assert ("What WhatsApp says" in owner.get("/dashboard", htmx=True).text) == bool(alerts)


def test_seen_notices_leave_the_menu_and_the_dashboard(
    owner: Browser, services: Services, simulated_connection: Connection
):
    tell(services, simulated_connection, "account_update", BAN)
    assert "1" in owner.get("/notices/count", htmx=True).text
    assert owner.get("/notices/count").status_code == 302
    assert owner.post("/notices/seen", newest="99").status_code in {200, 302}
    assert "Account banned" not in owner.get("/dashboard", htmx=True).text
    assert "Account banned" in owner.get("/notices/").text
    assert "Account banned" not in owner.get("/notices/?new=yes").text


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 30, "９"])
def test_junk_in_the_address_or_form_is_ignored(owner: Browser, value: str):
    assert owner.get(f"/notices/?before={value}&connection={value}").status_code == 200
    assert owner.post("/notices/seen", newest=value).status_code in {200, 302}


def test_notices_are_paged_and_filtered_by_connection(
    owner: Browser, services: Services, simulated_connection: Connection
):
    items = [build_notice("errors", {"code": n}) for n in range(1, notices.PAGE_SIZE + 2)]
    services.receive_local(simulated_connection.id, items)
    first = owner.get(f"/notices/?connection={simulated_connection.id}").text
    assert first.count('class="event"') == notices.PAGE_SIZE
    assert "Earlier" in first
    assert owner.get("/notices/?before=2").text.count('class="event"') == 1
    assert 'class="event"' not in owner.get("/notices/?connection=999").text


def test_who_stopped_marketing_is_known_until_they_take_it_again(
    services: Services, simulated_connection: Connection
):
    tell(services, simulated_connection, "user_preferences", STOP)
    with services.database.read() as session:
        assert notices.find_marketing_stop(session, simulated_connection.id, ["15550100001"])
        assert notices.find_marketing_stop(session, simulated_connection.id, ["1666"]) is None
    again = {"user_preferences": [{**STOP["user_preferences"][0], "value": "resume"}]}
    tell(services, simulated_connection, "user_preferences", again)
    with services.database.read() as session:
        assert notices.find_marketing_stop(session, simulated_connection.id, ["15550100001"]) is None


def test_an_older_choice_that_comes_late_and_another_spelling_change_nothing(
    services: Services, simulated_connection: Connection
):
    def choose(value: str, at: int) -> dict[str, Any]:
        choice = {"wa_id": "5581987654321", "value": value, "timestamp": at}
        return {"user_preferences": [{**STOP["user_preferences"][0], **choice}]}

    tell(services, simulated_connection, "user_preferences", choose("stop", 1_750_000_900))
    tell(services, simulated_connection, "user_preferences", choose("resume", 1_750_000_100))
    with services.database.read() as session:
        at = notices.find_marketing_stop(session, simulated_connection.id, ["558187654321"])
    assert at == 1_750_000_900_000
