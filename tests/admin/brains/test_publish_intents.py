"""Publishing a brain with intents: they are trained on the way, and a training that fails changes nothing."""

from typing import Any

import pytest

from app.brains.versions import store
from app.brains.versions.intent_models import find_report
from app.services import Services
from tests.admin.browser import Browser
from tests.brains.document.test_understanding import build_document


@pytest.fixture
def intent_brain(services: Services, demo_brain: Any) -> Any:
    """Give the demo brain's draft intents and a command for them."""
    edit(services, demo_brain.id, build_document()["intents"])
    return demo_brain


def edit(services: Services, brain_id: int, intents: Any) -> None:
    def change(session: Any) -> None:
        there = store.get_brain(session, brain_id)
        trigger = {"kind": "intent", "intent": intents[0]["name"]}
        command = {
            "id": "i",
            "name": "I",
            "trigger": trigger,
            "action": {"kind": "reply", "template": "Understood"},
        }
        draft = {**there.draft, "intents": intents, "commands": [command, there.draft["commands"][-1]]}
        draft["settings"] = {**draft["settings"], "encoder": "none"}
        store.save_draft(session, brain_id, draft, there.draft_rev, services.clock())

    services.database.write(change)


def read_live(services: Services, brain_id: int) -> tuple[int, Any]:
    with services.database.read() as session:
        live = store.find_live_version(session, store.get_brain(session, brain_id))
        assert live
        return live.number, find_report(session, live)


def test_publishing_trains_the_intents(owner: Browser, services: Services, intent_brain: Any):
    assert owner.post("/brains/demo/publish", note="Intents").status_code == 302
    number, report = read_live(services, intent_brain.id)
    assert (number, report["examples"]) == (2, 21)


def test_a_training_that_fails_keeps_the_live_version_and_says_what_to_do(
    owner: Browser, services: Services, intent_brain: Any
):
    edit(services, intent_brain.id, [{"name": "refund", "examples": ["refund"]}])
    answer = owner.post("/brains/demo/publish", note="Too few")
    assert "Write at least two examples." in owner.get(answer.location).text
    assert read_live(services, intent_brain.id)[0] == 1
