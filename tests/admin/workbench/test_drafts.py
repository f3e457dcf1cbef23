"""Findings of the lint in the workbench: errors stop a publish, warnings are shown, both lead to their place."""

from typing import Any

import pytest

from app.accounts.roles import Role
from app.brains.versions import store
from app.brains.versions.store import DraftReview
from app.services import Services
from tests.admin.browser import Browser, save_script

pytestmark = pytest.mark.usefixtures("demo_brain")


def get_live_number(services: Services) -> int:
    with services.database.read() as session:
        brain = store.find_brain(session, "demo")
        assert brain
        live = store.find_live_version(session, brain)
        assert live
        return live.number


def test_an_error_of_the_lint_stops_a_publish_and_leads_to_its_line(owner: Browser, services: Services):
    saved = save_script(owner, 'name = ctx.args.text\nctx.reply(name, buttons=["A", "B", "C", "D"])')
    assert "A message has 4 buttons here." in saved
    assert 'data-jump="source" data-line="2"' in saved
    owner.post("/brains/demo/publish")
    page = owner.get("/brains/demo").text
    assert "Repair 1 problem" in page
    assert "/brains/demo/commands/echo?line=2" in page
    assert "WhatsApp takes 3 buttons. Leave some out." in page
    assert get_live_number(services) == 1


def test_a_missing_permission_is_named_with_the_remedy(owner: Browser):
    save_script(owner, 'ctx.reply(ctx.http.get("https://api.example.com/" + ctx.args.text).text)')
    page = owner.get("/brains/demo").text
    assert "this brain may not ask web services" in page
    assert "Switch “http” on in the brain&#39;s settings" in page


def test_a_warning_is_shown_and_does_not_stop_a_publish(owner: Browser, services: Services):
    saved = save_script(owner, 'ctx.reply("Hello")', t_words="echo\nhello")
    assert "“hello” never reaches this command: “Hello” is asked first." in saved
    page = owner.get("/brains/demo").text
    assert "Warnings" in page
    assert "The argument “text” is asked for and never used." in page
    assert "No problems" in page
    owner.post("/brains/demo/publish")
    assert get_live_number(services) == 2


def test_a_brain_without_findings_says_nothing_of_them(sign_in: Any):
    page = sign_in(Role.VIEWER).get("/brains/demo").text
    assert "No problems" in page
    assert "Warnings" not in page


def test_a_live_brain_with_a_new_kind_of_error_still_counts_as_unchanged(services: Services, owner: Browser):
    def spoil(session: Any) -> None:
        brain = store.find_brain(session, "demo")
        assert brain
        commands = [
            {**each, "action": {"kind": "script", "source": "ctx.http.get('https://example.com')"}}
            if each["id"] == "count"
            else each
            for each in brain.draft["commands"]
        ]
        draft = {**brain.draft, "commands": commands}
        store.save_draft(session, brain.id, draft, brain.draft_rev, services.clock())
        store.publish(session, brain.id, "", None, services.clock(), DraftReview())

    services.database.write(spoil)
    page = owner.get("/brains/demo").text
    assert "this brain may not" in page
    assert "Draft is the same" in page


def test_a_finding_in_a_prompt_leads_to_the_prompt(owner: Browser):
    owner.post("/brains/demo/prompts/", name="idle")
    assert '<a href="/brains/demo/prompts/idle">idle</a>:' in owner.get("/brains/demo").text
