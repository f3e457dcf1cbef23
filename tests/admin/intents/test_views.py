"""Pages of intents: list, editor with its conflicts, rename, delete and undo, and what a message means."""

import re
from typing import Any

import pytest

from app.brains.versions import store
from app.services import Services
from tests.admin.brains.test_publish_intents import edit
from tests.admin.browser import Browser
from tests.brains.document.test_understanding import build_document

INTENTS = "/brains/demo/intents"


@pytest.fixture
def intent_brain(services: Services, demo_brain: Any) -> Any:
    edit(services, demo_brain.id, build_document()["intents"])
    return demo_brain


def read_draft(services: Services, brain_id: int) -> dict[str, Any]:
    with services.database.read() as session:
        return dict(store.get_brain(session, brain_id).draft)


def find_base(page: str) -> str:
    found = re.search(r'name="base" value="([^"]*)"', page)
    assert found
    return found[1]


@pytest.mark.usefixtures("demo_brain")
def test_a_brain_without_intents_says_what_they_are_and_how_to_begin(owner: Browser):
    page = owner.get(f"{INTENTS}/").text
    assert "The first intent" in page
    assert "10 to 20 messages" in page
    made = owner.post(f"{INTENTS}/", name="order_status")
    assert made.location.endswith("/intents/order_status")
    assert "Examples, one a line" in owner.get(made.location).text


@pytest.mark.usefixtures("intent_brain")
@pytest.mark.parametrize("name", ["", "Order Status", "refund", "9lives", "a" * 61])
def test_a_name_that_cannot_be_is_refused_beside_the_field_and_kept(owner: Browser, name: str):
    answer = owner.post(f"{INTENTS}/", name=name)
    assert answer.status_code == 422
    assert f'value="{name}"' in answer.text
    assert "invalid-feedback" in answer.text


def test_the_list_shows_examples_languages_use_and_problems(
    owner: Browser, services: Services, intent_brain: Any
):
    intents = build_document()["intents"]
    shared = [{"name": "spanish", "examples": ["dónde está mi pedido", intents[0]["examples"][0]]}]
    edit(services, intent_brain.id, [*intents, *shared])
    page = owner.get(f"{INTENTS}/").text
    assert "7 examples" in page
    assert "es 1" in page
    assert "used by “I”" in page
    assert "no command uses it" in page
    assert "Write at least 5 examples" in page
    assert f"Conflicts with “{intents[0]['name']}”" in page


def test_what_is_typed_is_saved_with_its_entities(owner: Browser, services: Services, intent_brain: Any):
    form = {
        "description": "Money back",
        "examples": "money back\r\n\r\n  refund please \nMoney back!",
        "entity_name": ["size", "code", ""],
        "entity_kind": ["choice", "regex", "number"],
        "entity_choices": ["large: big, grande\nsmall", "", ""],
        "entity_pattern": ["", "[A-Z]{2}", ""],
    }
    base = find_base(owner.get(f"{INTENTS}/refund").text)
    answer = owner.post(f"{INTENTS}/refund", htmx=True, base=base, **form)
    assert answer.status_code == 200
    assert "1 example repeats another one" in answer.text
    saved = next(
        each for each in read_draft(services, intent_brain.id)["intents"] if each["name"] == "refund"
    )
    assert saved == {
        "name": "refund",
        "description": "Money back",
        "examples": ["money back", "refund please", "Money back!"],
        "entities": [
            {"name": "size", "kind": "choice",
             "choices": [{"value": "large", "words": ["big", "grande"]}, {"value": "small"}]},
            {"name": "code", "kind": "regex", "pattern": "[A-Z]{2}"},
        ],
    }  # fmt: skip


@pytest.mark.usefixtures("intent_brain")
def test_what_is_wrong_is_saved_and_named_by_its_line(owner: Browser):
    examples = "\n".join(["fine", "x" * 501])
    answer = owner.post(
        f"{INTENTS}/refund", htmx=True, examples=examples, base=find_base(owner.get(f"{INTENTS}/refund").text)
    )
    assert "Line 2:" in answer.text
    page = owner.get(f"{INTENTS}/refund").text
    assert "x" * 501 in page
    many = "\n".join(f"example number {n}" for n in range(300))
    answer = owner.post(f"{INTENTS}/refund", htmx=True, examples=many, base=find_base(page))
    assert "300 / 200" in answer.text
    assert "fault" in answer.text


def test_somebody_elses_change_is_a_conflict_that_keeps_what_was_typed(
    owner: Browser, services: Services, intent_brain: Any
):
    base = find_base(owner.get(f"{INTENTS}/refund").text)
    owner.post(f"{INTENTS}/refund", examples="theirs\nmoney back", base=base)
    answer = owner.post(f"{INTENTS}/refund", htmx=True, examples="mine", base=base)
    assert answer.status_code == 409
    assert "Keep mine" in answer.text
    assert "theirs" in answer.text
    owner.post(f"{INTENTS}/refund", htmx=True, examples="mine", base=base, force="yes")
    assert 'name="examples"' in owner.get(f"{INTENTS}/refund").text
    saved = read_draft(services, intent_brain.id)["intents"]
    assert [each["examples"] for each in saved if each["name"] == "refund"] == [["mine"]]


def test_entities_are_added_and_removed_by_rows(owner: Browser, services: Services, intent_brain: Any):
    page = owner.get(f"{INTENTS}/refund").text
    form = {"examples": "money back", "entity_name": ["amount", "size"], "entity_kind": ["number", "money"],
            "entity_choices": ["", ""], "entity_pattern": ["", ""], "base": find_base(page)}  # fmt: skip
    answer = owner.post(f"{INTENTS}/refund/entities", htmx=True, **form)
    assert answer.text.count("data-entity") == 3
    answer = owner.post(
        f"{INTENTS}/refund/entities",
        htmx=True,
        **{**form, "base": find_base(answer.text), "drop_entity": "1"},
    )
    assert answer.text.count("data-entity") == 2
    saved = read_draft(services, intent_brain.id)["intents"]
    assert [each.get("entities") for each in saved if each["name"] == "refund"] == [
        [{"name": "size", "kind": "money"}]
    ]


def test_commands_follow_the_new_name(owner: Browser, services: Services, intent_brain: Any):
    name = read_draft(services, intent_brain.id)["commands"][0]["trigger"]["intent"]
    answer = owner.post(f"{INTENTS}/{name}/rename", new_name="refund_all")
    assert answer.location.endswith("/intents/refund_all")
    draft = read_draft(services, intent_brain.id)
    assert draft["commands"][0]["trigger"]["intent"] == "refund_all"
    refused = owner.post(f"{INTENTS}/refund_all/rename", new_name="Not a name")
    assert refused.status_code == 422
    assert "Not a name" in refused.text


def test_a_deleted_intent_can_be_put_back(owner: Browser, services: Services, intent_brain: Any):
    before = read_draft(services, intent_brain.id)["intents"]
    owner.post(f"{INTENTS}/refund/delete")
    assert "refund" not in {each["name"] for each in read_draft(services, intent_brain.id)["intents"]}
    page = owner.get(f"{INTENTS}/").text
    assert "is deleted from the draft" in page
    kept = re.search(r'<textarea name="value"[^>]*>([^<]*)</textarea>', page)
    assert kept
    value = kept[1].replace("&#34;", '"').replace("&#39;", "'")
    owner.post(f"{INTENTS}/deleted/restore", value=value)
    after = read_draft(services, intent_brain.id)["intents"]
    assert sorted(each["name"] for each in after) == sorted(each["name"] for each in before)
    assert owner.post(f"{INTENTS}/deleted/restore", value="{").status_code == 400
    assert owner.get(f"{INTENTS}/nothing").status_code == 404


@pytest.mark.usefixtures("intent_brain")
def test_a_message_is_read_by_its_examples_before_any_training(owner: Browser):
    example = build_document()["intents"][0]["examples"][0]
    page = owner.get(f"{INTENTS}/training/read?text={example}", htmx=True).text
    assert "word for word an example" in page
    assert "100 %" in page
    page = owner.get(f"{INTENTS}/training/read?text=something+else+entirely", htmx=True).text
    assert "not trained yet" in page
    assert "What does this message mean?" in owner.get(f"{INTENTS}/training/read?text=hi").text
