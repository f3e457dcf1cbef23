"""The first minute with a new installation: an account, a brain, an answer."""

import pytest
from browser_steps import Watched, look_at, make_account, say

pytestmark = pytest.mark.browser


def test_three_screens_lead_to_a_first_answer(watched: Watched):
    page, faults = watched.page, []
    page.goto("/")
    look_at(page, "setup-account", faults)
    make_account(page)
    look_at(page, "setup-brain", faults)
    page.get_by_role("button", name="Make it and try it").click()
    say(page, "!hello", "Hello")
    assert faults == []
    assert page.request.get("/setup").status == 404
