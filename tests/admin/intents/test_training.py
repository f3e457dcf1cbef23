"""Training from the page: started, watched, cancelled, failed; its report, examples settled from it, and the gate."""

from typing import Any

import pytest

from app.brains.versions import intent_trainings, store
from app.brains.versions.training_runner import TrainingRunner
from app.services import Services
from tests.admin.brains.test_publish_intents import edit, read_live
from tests.admin.browser import Browser
from tests.admin.intents.test_views import INTENTS, read_draft
from tests.brains.document.test_understanding import build_document
from tests.brains.versions.test_intent_trainings import use_empty_cache

TRAINING = f"{INTENTS}/training"


@pytest.fixture
def intent_brain(services: Services, demo_brain: Any) -> Any:
    edit(services, demo_brain.id, build_document()["intents"])
    return demo_brain


def train(owner: Browser, services: Services) -> None:
    owner.post(f"{TRAINING}/start")
    assert TrainingRunner(services.database, services.clock).run_next()


def test_a_training_is_watched_to_its_report(owner: Browser, services: Services, intent_brain: Any):
    assert "Not trained yet" in owner.get(f"{INTENTS}/").text
    owner.post(f"{TRAINING}/start")
    assert "Waiting for a worker" in owner.get(f"{INTENTS}/").text
    claimed = services.database.write(lambda session: intent_trainings.claim_next(session, services.clock()))
    assert claimed
    services.database.writer.run(lambda db: intent_trainings.renew(db, claimed, services.clock(), 0.42))
    part = owner.get(f"{TRAINING}/progress", htmx=True).text
    assert 'value="42"' in part
    assert "training-poll-" in part
    services.database.write(
        lambda session: intent_trainings.cancel(session, intent_brain.id, services.clock())
    )
    train(owner, services)
    part = owner.get(f"{TRAINING}/progress?running=yes", htmx=True).text
    assert "See the report" in part
    assert "intent-rows" in part
    assert "training-poll-" not in part
    report = owner.get(f"{TRAINING}/report").text
    assert "How well they are understood" in report
    assert "words alone" in report
    assert "% found" in owner.get(f"{INTENTS}/").text
    reading = owner.get(f"{TRAINING}/read?text=may+I+have+a+refund", htmx=True).text
    assert "The words decided." in reading
    assert "meter" in reading


@pytest.mark.usefixtures("intent_brain")
def test_a_cancelled_training_says_so(owner: Browser):
    owner.post(f"{TRAINING}/start")
    owner.post(f"{TRAINING}/cancel", page="report")
    page = owner.get(f"{INTENTS}/").text
    assert "The training is cancelled" in page
    assert "was cancelled" in page


def test_a_training_that_failed_stays_on_the_page_with_what_to_do(
    owner: Browser, services: Services, intent_brain: Any
):
    edit(services, intent_brain.id, [{"name": "refund", "examples": ["refund"]}])
    train(owner, services)
    for _ in range(2):
        assert "Write at least two examples." in owner.get(f"{INTENTS}/").text


@pytest.mark.usefixtures("intent_brain")
def test_an_intent_without_examples_is_not_trained(owner: Browser):
    owner.post(f"{INTENTS}/", name="empty")
    owner.post(f"{TRAINING}/start")
    page = owner.get(f"{INTENTS}/").text
    assert "“empty”" in page
    assert "Repair it, then train." in page


def test_a_report_of_older_text_says_so(owner: Browser, services: Services, intent_brain: Any):
    train(owner, services)
    assert "train again" not in owner.get(f"{INTENTS}/").text
    intents = build_document()["intents"]
    edit(
        services,
        intent_brain.id,
        [*intents[:-1], {**intents[-1], "examples": [*intents[-1]["examples"], "new"]}],
    )
    assert "The intents were changed since: train again." in owner.get(f"{TRAINING}/report").text


def test_publishing_uses_the_stored_model(
    owner: Browser, services: Services, intent_brain: Any, monkeypatch: pytest.MonkeyPatch
):
    train(owner, services)
    use_empty_cache(monkeypatch)
    monkeypatch.setattr("app.brains.nlu.models.train_apart", None)
    owner.post("/brains/demo/publish", note="Trained before")
    assert read_live(services, intent_brain.id)[0] == 2


def test_conflicting_examples_are_settled_from_the_report_and_taken_back(
    owner: Browser, services: Services, intent_brain: Any
):
    intents = build_document()["intents"]
    (one, two), text = intents[:2], "this stands in both of them"
    both = [{**each, "examples": [*each["examples"], text]} for each in (one, two)]
    edit(services, intent_brain.id, [*both, *intents[2:]])
    train(owner, services)
    page = owner.get(f"{TRAINING}/report").text
    assert "so it means neither" in page
    assert f"Remove from {one['name']}" in page
    owner.post(f"{TRAINING}/move-example", intent=one["name"], example=text)
    assert text not in read_draft(services, intent_brain.id)["intents"][0]["examples"]
    page = owner.get(f"{TRAINING}/report").text
    assert "so it means neither" not in page
    assert "changed in the draft since" in page
    assert "Undo" in page
    owner.post(f"{TRAINING}/move-example", intent=one["name"], example=text)
    assert "changed or removed meanwhile" in owner.get(f"{TRAINING}/report").text
    owner.post(f"{TRAINING}/move-example", intent=two["name"], to=one["name"], example=text)
    draft = read_draft(services, intent_brain.id)
    assert text in draft["intents"][0]["examples"]
    assert text not in draft["intents"][1]["examples"]


def test_a_report_is_compared_with_that_of_the_live_version(
    owner: Browser, services: Services, intent_brain: Any
):
    owner.post("/brains/demo/publish", note="First")
    page = owner.get(f"{TRAINING}/report").text
    assert "points</span>" not in page, "it is the live version's own"
    intents = build_document()["intents"]
    edit(services, intent_brain.id, [{**intents[0], "examples": intents[0]["examples"][:3]}, *intents[1:]])
    train(owner, services)
    assert "points</span>" in owner.get(f"{TRAINING}/report").text


def test_low_scores_keep_a_draft_from_being_published_without_a_reason(
    owner: Browser, services: Services, intent_brain: Any
):
    def ask_for_all(session: Any) -> None:
        there = store.get_brain(session, intent_brain.id)
        draft = {**there.draft, "settings": {**there.draft["settings"], "min_accuracy": 100}}
        intents = draft["intents"]
        draft["intents"] = [{**each, "examples": each["examples"][:3]} for each in intents]
        store.save_draft(session, there.id, draft, there.draft_rev, services.clock())

    services.database.write(ask_for_all)
    answer = owner.post("/brains/demo/publish", note="Low")
    assert answer.location.endswith("/training/report")
    page = owner.get(answer.location).text
    assert "at least 100 % are asked for" in page
    assert "Publish although scores are low" in page
    assert read_live(services, intent_brain.id)[0] == 1
    owner.post("/brains/demo/publish", note="Low", anyway="A trial")
    assert read_live(services, intent_brain.id)[0] == 2
    with services.database.read() as session:
        live = store.find_live_version(session, store.get_brain(session, intent_brain.id))
        assert live
        assert live.override_reason == "A trial"
