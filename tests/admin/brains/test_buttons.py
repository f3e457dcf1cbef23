"""Buttons of an answer, and the commands they lead to."""

from typing import Any

import pytest

from app.admin.brains.buttons import find_target, list_targets, set_target
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")


def build_command(command_id: str, trigger: dict[str, Any], **more: Any) -> dict[str, Any]:
    action = {"kind": "reply", "template": "Hi"}
    return {"id": command_id, "name": command_id.upper(), "trigger": trigger, "action": action, **more}


DRAFT: dict[str, Any] = {
    "commands": [
        build_command("last", {"kind": "fallback"}),
        build_command("pressed", {"kind": "button", "ids": ["Yes", "Track parcel"]}),
        build_command("said", {"kind": "exact", "texts": ["hours"]}),
        build_command("typed", {"kind": "command", "words": ["menu"]}),
        build_command("needs", {"kind": "command", "words": ["order"]}, arguments=[{"name": "n"}]),
        build_command("begun", {"kind": "button", "ids": ["Begun"]}, name="", action={"kind": "reply"}),
    ]
}


def get_trigger(draft: dict[str, Any], command_id: str) -> dict[str, Any]:
    return next(each["trigger"] for each in draft["commands"] if each["id"] == command_id)


@pytest.mark.parametrize(
    ("title", "command_id"),
    [("track PARCEL", "pressed"), ("Hours", "said"), ("Begun", "begun"), ("Nothing else", "last")],
)
def test_the_command_of_a_button_is_the_one_its_press_triggers_finished_or_not(title: str, command_id: str):
    found = find_target(DRAFT, title)
    assert found
    assert found["id"] == command_id


def test_a_button_can_lead_to_every_command_that_needs_nothing_more():
    assert [each["id"] for each in list_targets(DRAFT)] == ["pressed", "said", "typed", "begun"]


def test_a_title_moves_from_one_command_to_another():
    linked = set_target(DRAFT, "Track parcel", "said")
    assert get_trigger(linked, "pressed")["ids"] == ["Yes"]
    assert get_trigger(linked, "said")["texts"] == ["hours", "Track parcel"]
    none = set_target(DRAFT, "track parcel", "")
    assert get_trigger(none, "pressed")["ids"] == ["Yes"]


def test_a_new_command_is_made_before_the_default_reply_under_a_name_of_its_own():
    draft = {"commands": [*DRAFT["commands"][1:], DRAFT["commands"][0]]}
    made = set_target(set_target(draft, "typed", "new"), "Help", "new")["commands"]
    assert [each["name"] for each in made[-3:]] == ["typed 2", "Help", "LAST"]
    assert made[-2]["trigger"] == {"kind": "button", "ids": ["Help"]}


def test_a_command_with_a_prefix_is_run_by_a_command_for_the_button():
    made = set_target(DRAFT, "Show it", "typed")["commands"][-1]
    assert made["trigger"] == {"kind": "button", "ids": ["Show it"]}
    assert made["action"] == {"kind": "script", "source": "ctx.call('TYPED')\n"}


def read_commands(services: Services) -> list[dict[str, Any]]:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return list(found.draft["commands"])


FORM = {"name": "Hello", "enabled": "on", "trigger_kind": "command", "t_words": "hello", "text": "Hi"}


def test_the_choice_beside_a_button_is_saved_at_once_and_can_be_undone(owner: Browser, services: Services):
    before = read_commands(services)
    answer = owner.post(
        "/brains/demo/commands/hello/buttons",
        htmx=True,
        **FORM,
        button=["", "See it"],
        press_1="new",
        which="1",
    )
    assert 'id="button-target-1"' in answer.text
    assert "was created for this button" in answer.text
    assert "Undo" in answer.text
    after = read_commands(services)
    assert len(after) == len(before) + 1
    assert next(each for each in after if each["id"] == "hello") == next(
        each for each in before if each["id"] == "hello"
    )


def test_a_press_on_the_phone_runs_the_command_that_was_linked_by_another_trigger(
    owner: Browser, services: Services
):
    form = {**FORM, "button": ["Show the menu"], "press_0": "menu"}
    owner.post("/brains/demo/commands/hello/buttons", htmx=True, **form)
    owner.post("/brains/demo/commands/hello", htmx=True, **form, force="yes")
    owner.post("/brains/demo/playground/say", htmx=True, pg_text="!hello")
    caller = next(each for each in read_commands(services) if each["name"] == "Show the menu")
    tried = owner.post(
        f"/brains/demo/commands/{caller['id']}/try", htmx=True, **FORM | {
            "name": caller["name"], "trigger_kind": "button", "t_ids": "Show the menu",
            "action_kind": "script", "source": caller["action"]["source"],
        }
    )  # fmt: skip
    assert "Here is what" in tried.text


def test_without_scripts_all_buttons_are_linked_by_one_press(owner: Browser, services: Services):
    form = {**FORM, "button": ["One", "Two"], "press_0": "new", "press_1": "new"}
    answer = owner.post("/brains/demo/commands/hello/buttons", **form)
    assert answer.location.endswith("/brains/demo/commands/hello")
    assert {"One", "Two"} <= {each["name"] for each in read_commands(services)}
