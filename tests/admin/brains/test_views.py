"""Brains: commands edited without losing anything, published, taken back, exported and imported."""

import io
import re
from typing import Any

import pytest

from app.accounts.roles import Role
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")

ECHO: dict[str, Any] = {
    "name": "Echo", "enabled": "on", "trigger_kind": "command", "t_words": "echo\nsay",
    "text": "You said {{ args.text }}",
    "arg_name": "text", "arg_type": "rest", "arg_need": "required", "arg_default": "", "arg_minimum": "",
    "arg_maximum": "", "arg_choices": "", "arg_description": "", "chats": "any", "cooldown_seconds": "",
}  # fmt: skip


def find_base(page: str) -> str:
    found = re.search(r'name="base" id="base" value="([^"]*)"', page)
    assert found
    return found.group(1)


def get_draft(services: Services) -> dict[str, Any]:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return dict(found.draft)


def get_command(services: Services, command_id: str) -> dict[str, Any]:
    return next(each for each in get_draft(services)["commands"] if each["id"] == command_id)


def list_names(services: Services) -> list[str]:
    return [each["name"] for each in get_draft(services)["commands"]]


def test_a_saved_form_becomes_the_command(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    form = {**ECHO, "text": ["One", "Two"], "button": ["Yes", "", "No"], "quote": "on", "allow": "+233 20 1\n",
            "cooldown_seconds": "30", "cooldown_per": "chat", "cooldown_message": "Later", "base": base}  # fmt: skip
    answer = owner.post("/brains/demo/commands/echo", htmx=True, **form)
    assert answer.status_code == 200
    assert "Draft saved" in answer.text
    assert get_command(services, "echo") == {
        "id": "echo",
        "name": "Echo",
        "trigger": {"kind": "command", "words": ["echo", "say"]},
        "arguments": [{"name": "text", "type": "rest"}],
        "restrict": {"allow": ["+233 20 1"], "cooldown": {"per": "chat", "seconds": 30, "message": "Later"}},
        "action": {"kind": "reply", "variants": ["One", "Two"], "quote": True, "buttons": ["Yes", "No"]},
    }


def test_the_switches_of_an_answer_are_read_from_the_form_and_shown_again(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "link_preview": "on", "base": base})
    assert get_command(services, "echo")["action"]["link_preview"] is True
    assert 'name="link_preview" checked' in owner.get("/brains/demo/commands/echo").text


def test_a_wrong_value_is_kept_and_named(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    answer = owner.post(
        "/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base, "cooldown_seconds": "soon"}
    )
    assert "must be a whole number" in answer.text
    assert get_command(services, "echo")["restrict"]["cooldown"]["seconds"] == "soon"
    assert 'value="soon"' in owner.get("/brains/demo/commands/echo").text
    owner.post("/brains/demo/publish")
    assert "Repair 1 problem" in owner.get("/brains/demo").text


def test_a_save_over_somebody_elses_is_refused_and_loses_nothing(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base, "text": "Theirs"})
    mine = {**ECHO, "base": base, "text": "Mine"}
    answer = owner.post("/brains/demo/commands/echo", htmx=True, **mine)
    assert answer.status_code == 409
    assert "Keep mine" in answer.text
    assert "Take theirs" in answer.text
    assert '<p class="diff-word">Theirs</p><del class="diff-gone diff-text">Theirs</del>' in answer.text
    assert '<p class="diff-word">Mine</p><ins class="diff-new diff-text">Mine</ins>' in answer.text
    assert get_command(services, "echo")["action"]["template"] == "Theirs"
    full = owner.post("/brains/demo/commands/echo", **mine)
    assert full.status_code == 409
    assert "Mine</textarea>" in full.text
    owner.post("/brains/demo/commands/echo", htmx=True, **mine, force="yes")
    assert get_command(services, "echo")["action"]["template"] == "Mine"


def test_a_save_over_a_command_that_was_deleted_meanwhile_can_put_it_back(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    owner.post("/brains/demo/commands/echo/act", act="delete")
    answer = owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base})
    assert answer.status_code == 409
    assert "no longer in the draft" in answer.text
    assert 'href="/brains/demo">Leave it deleted</a>' in answer.text
    owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base}, force="yes")
    assert get_command(services, "echo")["name"] == ECHO["name"]


def test_two_people_in_different_commands_do_not_disturb_each_other(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    owner.post("/brains/demo/commands/menu/act", act="toggle")
    assert owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base}).status_code == 200
    assert get_command(services, "menu")["enabled"] is False


def test_a_reshaped_form_keeps_what_is_typed_and_saves_nothing(owner: Browser, services: Services):
    before = get_draft(services)
    shape = "/brains/demo/commands/echo/shape"
    more = owner.post(
        shape, htmx=True, **{**ECHO, "base": "x", "text": ["Typed", "Other"], "do": "add-variant"}
    )
    assert more.text.count('name="text"') == 3
    assert "Typed</textarea>" in more.text
    fewer = owner.post(
        shape, htmx=True, **{**ECHO, "base": "x", "text": ["Typed", "Other"], "do": "drop-variant:0"}
    )
    assert "Typed</textarea>" not in fewer.text
    assert "Other</textarea>" in fewer.text
    regex = owner.post(shape, htmx=True, **{**ECHO, "base": "x", "trigger_kind": "regex"})
    assert 'name="t_pattern"' in regex.text
    assert 'name="t_words"' not in regex.text
    added = owner.post(shape, htmx=True, **{**ECHO, "base": "x", "do": "add-argument"})
    assert added.text.count('name="arg_name"') == 2
    assert get_draft(services) == before


def test_commands_move_copy_switch_and_come_back_after_deletion(owner: Browser, services: Services):
    act = "/brains/demo/commands/{}/act"
    owner.post(act.format("echo"), act="up")
    assert list_names(services)[:2] == ["Echo", "Hello"]
    owner.post(act.format("echo"), act="duplicate")
    assert list_names(services)[:3] == ["Echo", "Echo copy", "Hello"]
    owner.post(act.format("echo"), act="delete")
    assert "Echo" not in list_names(services)
    page = owner.get("/brains/demo").text
    kept = re.search(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert kept
    value = (
        kept.group(1).replace("&#34;", '"').replace("&#39;", "'").replace("&lt;", "<").replace("&amp;", "&")
    )
    owner.post("/brains/demo/undo", value=value)
    assert list_names(services)[:3] == ["Echo", "Echo copy", "Hello"]


def test_publishing_and_going_back(owner: Browser, services: Services):
    base = find_base(owner.get("/brains/demo/commands/echo").text)
    owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "base": base, "text": "New"})
    owner.post("/brains/demo/publish", note="A new echo")
    page = owner.get("/brains/demo/versions").text
    assert "Version 2 is live from the next message on." in page
    assert "A new echo" in page
    owner.post("/brains/demo/rollback/1")
    assert "Version 1 is live again" in owner.get("/brains/demo/versions").text
    assert get_command(services, "echo")["action"]["template"] == "New"


def test_export_and_import_give_the_same_brain_back(owner: Browser, services: Services):
    exported = owner.get("/brains/demo/export.yaml")
    assert exported.mimetype == "application/yaml"
    look = owner.post("/brains/import", file=(io.BytesIO(exported.data), "demo.yaml"))
    assert "No problems" in look.text
    with services.database.read() as session:
        assert store.count_brains(session) == 1
    made = owner.post("/brains/import", text=exported.text, confirm="yes", permit="ai")
    again = owner.get(made.location.replace("/brains/", "/brains/") + "/export.yaml").text
    assert again.split("\n", 1)[1] == exported.text.split("\n", 1)[1]


def test_a_file_that_is_no_brain_is_refused_in_words(owner: Browser):
    answer = owner.post("/brains/import", text="a: *b")
    assert answer.status_code == 422
    assert "a: *b</textarea>" in answer.text


def test_a_brain_put_away_can_be_brought_back(owner: Browser):
    owner.post("/brains/demo/archive")
    page = owner.get("/brains/").text
    assert "No brains yet" in page
    assert "/brains/restore/1" in page
    assert owner.get("/brains/demo").status_code == 404
    owner.post("/brains/restore/1")
    assert owner.get("/brains/demo").status_code == 200


def test_what_would_fire_names_the_winner_and_the_shadowed(owner: Browser):
    answer = owner.get("/brains/demo/try?text=!echo+hi", htmx=True).text
    assert "Echo" in answer
    assert "answers" in answer
    assert "Default reply" in answer


def test_settings_with_an_unknown_zone_are_kept_and_named(owner: Browser):
    answer = owner.post(
        "/brains/demo/settings", title="Desk", prefixes="! /", timezone="Mars/Base", language="en"
    )
    assert answer.status_code == 422
    assert "Mars/Base" in answer.text
    ok = owner.post(
        "/brains/demo/settings", title="Desk", prefixes="! ?", timezone="Africa/Accra", language="en"
    )
    assert ok.status_code == 302
    assert "Desk" in owner.get("/brains/").text


def test_what_a_brain_may_do_is_kept_and_a_wrong_host_is_named(owner: Browser, services: Services):
    form = {"part": "grants", "grant_http": "on", "grant_memory": "on", "memory_entries": "60"}
    wrong = owner.post("/brains/demo/settings", **form, http_allow="https://api.example.com/")
    assert wrong.status_code == 422
    assert "in the permissions" in wrong.text
    assert "https://api.example.com/</textarea>" in wrong.text
    ok = owner.post("/brains/demo/settings", **form, http_allow="API.example.com", strict="on")
    assert ok.status_code == 302
    grants = get_draft(services)["grants"]
    assert grants["http"] == {"allow": ["api.example.com"]}
    assert (grants["ai"], grants["media"]) == (None, None)
    assert get_draft(services)["settings"]["strict"] is True
    page = owner.get("/brains/demo/settings").text
    assert "api.example.com</textarea>" in page
    # The demo has a prompt, which may only go live with the permission it needs.
    owner.post("/brains/demo/publish")
    assert "Version 2 is live" not in owner.get("/brains/demo/versions").text
    owner.post("/brains/demo/settings", **form, http_allow="api.example.com", grant_ai="on")
    owner.post("/brains/demo/publish")
    assert "Version 2 is live" in owner.get("/brains/demo/versions").text


@pytest.mark.parametrize("start", ["demo", "blank"])
def test_a_new_brain_gets_a_short_name_of_its_own(owner: Browser, start: str):
    answer = owner.post("/brains/", title="Café Accra!", start=start)
    assert answer.location.endswith("/brains/cafe-accra")


@pytest.mark.parametrize(
    ("kind", "trigger"),
    [
        (
            "contains",
            {"texts": ["echo", "say it"], "ignore_case": True, "ignore_accents": False, "whole_word": True},
        ),
        ("exact", {"texts": ["echo", "say it"], "ignore_case": True, "ignore_accents": False}),
        ("button", {"ids": ["echo", "say it"]}),
    ],
)
def test_another_trigger_keeps_the_keywords_and_has_the_defaults_of_a_new_one(
    owner: Browser, services: Services, kind: str, trigger: dict[str, Any]
):
    form = {**ECHO, "arg_name": "", "t_words": "echo, say it", "t_kind": "command", "trigger_kind": kind}
    owner.post("/brains/demo/commands/echo", htmx=True, **form, force="yes")
    assert get_command(services, "echo")["trigger"] == {"kind": kind, **trigger}
    form = {**form, "t_kind": kind, "t_texts": "one", "t_ids": "Yes, please\nno"}
    owner.post("/brains/demo/commands/echo", htmx=True, **form, force="yes")
    saved = get_command(services, "echo")["trigger"]
    assert not any(saved.get(flag) for flag in ("ignore_case", "whole_word"))
    assert saved.get("ids", ["Yes, please", "no"]) == ["Yes, please", "no"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Order no", "order_no"),
        ("2nd Größe!", "nd_grosse"),
        ("ok_1", "ok_1"),
        ("номер", "номер"),
        ("a" * 60, "a" * 40),
    ],
)
def test_the_name_of_an_argument_is_written_as_scripts_read_it(
    owner: Browser, services: Services, typed: str, name: str
):
    form = {
        **ECHO,
        "arg_name": typed,
        "arg_ask": "Which one?",
        "arg_choices": "left over",
        "arg_default": "too",
    }
    page = owner.post("/brains/demo/commands/echo", htmx=True, **form, force="yes").text
    saved = get_command(services, "echo")["arguments"]
    assert saved == [{"name": name, "type": "rest", "ask": "Which one?"}]
    assert ("Use small letters, digits and underscores" in page) is (name == "номер")
    assert "^[a-z]" not in page


def test_a_command_that_is_begun_has_no_errors_and_says_what_is_left_to_do(
    owner: Browser, services: Services
):
    answer = owner.post(
        "/brains/demo/commands/fresh", htmx=True, name="Fresh", enabled="on", t_words="", text=""
    ).text
    state = answer.split("<hx-partial")[0]
    assert "Not finished: Add a keyword. Write an answer." in state
    assert "alert-circle" not in state
    assert "incomplete" in answer
    assert list_names(services)[-2:] == ["Fresh", "Default reply"]
    page = owner.get("/brains/demo/try?text=!hello", htmx=True).text
    assert "Hello" in page


def test_an_address_that_was_left_while_typing_opens_the_form_until_it_is_saved(owner: Browser, sign_in: Any):
    assert owner.get("/brains/demo/commands/c0000").status_code == 404
    page = owner.get("/brains/demo/commands/c0000?new=1")
    assert (page.status_code, 'data-address="/brains/demo/commands/c0000"' in page.text) == (200, True)
    assert sign_in(Role.VIEWER).get("/brains/demo/commands/c0000?new=1").status_code == 404


def test_a_refused_publish_keeps_the_note_until_the_next_one(owner: Browser):
    owner.post("/brains/demo/commands/fresh", htmx=True, name="Fresh", enabled="on", t_words="", text="")
    owner.post("/brains/demo/publish", note="Kept <here>")
    assert 'value="Kept &lt;here&gt;"' in owner.get("/brains/demo").text
    owner.post("/brains/demo/commands/fresh/act", act="delete")
    owner.post("/brains/demo/publish", note="Kept <here>")
    assert "Kept &lt;here&gt;" not in owner.get("/brains/demo").text


def test_a_rollback_offers_the_way_back(owner: Browser):
    owner.post("/brains/demo/commands/echo", htmx=True, **{**ECHO, "text": "Two"}, force="yes")
    owner.post("/brains/demo/publish", note="Two")
    owner.post("/brains/demo/rollback/1")
    page = owner.get("/brains/demo/versions").text
    assert 'action="/brains/demo/rollback/2"' in page.split('id="notices"')[1]


def test_the_forms_of_the_settings_are_saved_each_by_itself(owner: Browser, services: Services):
    answer = owner.post(
        "/brains/demo/settings", htmx=True, part="general", title="Demo", prefixes="!", language="x"
    )
    assert 'id="state-general"' in answer.text
    assert "Write a language code" in answer.text
    answer = owner.post(
        "/brains/demo/settings", htmx=True, part="groups", group_was="", group_name="Shop", group_errors_to=""
    )
    assert 'name="group_was" value="Shop"' in answer.text
    assert get_draft(services)["groups"] == [{"name": "Shop"}]
