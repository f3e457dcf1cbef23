"""The first minute with a new installation: an account, a brain, an answer."""

import pytest

from tests.e2e.browser_steps import PageMonitor, check_page, create_account, send_message

pytestmark = pytest.mark.browser


def test_three_screens_lead_to_a_first_answer(monitor: PageMonitor):
    page, faults = monitor.page, []
    page.goto("/")
    check_page(page, "setup-account", faults)
    create_account(page)
    check_page(page, "setup-brain", faults)
    page.get_by_role("button", name="Create and try it").click()
    send_message(page, "!hello", "Hello")
    assert faults == []
    assert page.request.get("/setup").status == 404
