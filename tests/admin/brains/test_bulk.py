"""Several commands changed at once: one save, an undo, and nothing done on a list that is no longer so."""

import re
from html import unescape
from typing import Any

import pytest

from app.accounts.roles import Role
from app.brains.document import yaml_format
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")

BULK = "/brains/demo/bulk/"
GROUPS = "/brains/demo/groups/"


def get_brain(services: Services) -> Any:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return found


def list_ids(services: Services) -> list[str]:
    return [each["id"] for each in get_brain(services).draft["commands"]]


def map_groups(services: Services) -> dict[str, str]:
    return {each["id"]: each["group"] for each in get_brain(services).draft["commands"] if each.get("group")}


def list_disabled(services: Services) -> list[str]:
    return [each["id"] for each in get_brain(services).draft["commands"] if each.get("enabled") is False]


def post_action(browser: Browser, services: Services, act: str, *picks: str, **more: str) -> Any:
    return browser.post(
        BULK, htmx=True, act=act, pick=list(picks), rev=str(get_brain(services).draft_rev), **more
    )


def undo(browser: Browser, page: str) -> Any:
    kept = re.findall(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    return browser.post("/brains/demo/undo", value=unescape(kept[-1]))


def test_commands_are_switched_off_and_on_in_one_save_that_can_be_undone(owner: Browser, services: Services):
    owner.get("/brains/demo")
    rev = get_brain(services).draft_rev
    answer = post_action(owner, services, "off", "echo", "menu")
    assert answer.status_code == 200
    assert "2 commands are switched off." in answer.text
    assert (list_disabled(services), get_brain(services).draft_rev) == (["echo", "menu"], rev + 1)
    assert "“Echo” is switched on." in post_action(owner, services, "on", "echo").text
    assert list_disabled(services) == ["menu"]
    undo(owner, answer.text)
    assert list_disabled(services) == []


def test_commands_are_copied_deleted_and_brought_back_in_their_places(owner: Browser, services: Services):
    owner.get("/brains/demo")
    before = get_brain(services).draft
    post_action(owner, services, "duplicate", "hello", "echo")
    names = [each["name"] for each in get_brain(services).draft["commands"]]
    assert names[:4] == ["Hello", "Hello copy", "Echo", "Echo copy"]
    fresh = list_ids(services)
    answer = post_action(owner, services, "delete", "menu", fresh[1], fresh[3])
    assert "3 commands are deleted from the draft." in answer.text
    assert undo(owner, answer.text).status_code == 302
    assert list_ids(services) == fresh
    post_action(owner, services, "delete", fresh[1], fresh[3])
    assert get_brain(services).draft == before


def test_commands_move_to_a_group_that_is_made_on_the_way(owner: Browser, services: Services):
    owner.get("/brains/demo")
    answer = post_action(owner, services, "new-group", "count", "echo", group="Play")
    assert "2 commands are in the group “Play” now." in answer.text
    assert (map_groups(services), list_ids(services)[1:3]) == (
        {"echo": "Play", "count": "Play"},
        ["echo", "count"],
    )
    post_action(owner, services, "group:Play", "hello")
    assert list_ids(services)[:3] == ["echo", "count", "hello"]
    post_action(owner, services, "group:", "count")
    assert map_groups(services) == {"echo": "Play", "hello": "Play"}
    undo(owner, answer.text)
    assert "count" not in map_groups(services)
    refused = post_action(owner, services, "new-group", "menu", group=" ")
    assert refused.status_code == 422
    assert "Give the group a name" in refused.text


def test_dragged_commands_land_where_they_were_dropped(owner: Browser, services: Services):
    owner.get("/brains/demo")
    post_action(owner, services, "place:", "menu", before="hello", dragged="count time")
    assert list_ids(services)[:3] == ["time", "count", "hello"]
    post_action(owner, services, "place:Play", before="", dragged="time")
    assert (list_ids(services)[-1], map_groups(services)) == ("time", {"time": "Play"})


def test_nothing_is_done_on_a_list_that_was_saved_elsewhere_and_the_choice_is_kept(
    owner: Browser, services: Services
):
    owner.get("/brains/demo")
    rev = str(get_brain(services).draft_rev)
    owner.post("/brains/demo/commands/hello/act", act="toggle")
    late = owner.post(BULK, htmx=True, act="delete", pick=["echo"], rev=rev)
    assert late.status_code == 409
    assert "Nothing was changed" in late.text
    assert f'name="rev" id="rev" value="{int(rev) + 1}"' in late.text
    assert "echo" in list_ids(services)
    page = owner.post(BULK, act="delete", pick=["echo"], rev=rev)
    assert page.status_code == 409
    assert re.search(r'value="echo" form="tree"[^>]* checked>', page.text)
    assert "echo" in list_ids(services)


@pytest.mark.parametrize("path", [BULK, f"{BULK}export.yaml"])
def test_nothing_chosen_is_said(owner: Browser, path: str):
    answer = owner.post(path, act="delete", rev="1")
    assert answer.status_code == 422
    assert "Choose the commands first" in answer.text


@pytest.mark.parametrize(("act", "rest"), [("explode", {}), ("place:", {})])
def test_what_no_button_sends_is_refused(owner: Browser, act: str, rest: dict[str, str]):
    assert owner.post(BULK, act=act, pick=["echo"], rev="1", **rest).status_code == 400
    assert owner.post(f"{BULK}row", row=f"{act}:echo").status_code == 400
    assert owner.post(GROUPS, act=act).status_code == 400


def test_the_open_form_follows_what_the_list_changes_and_only_then(owner: Browser, services: Services):
    page = owner.get("/brains/demo/commands/echo").text
    found = re.search(r'name="base" id="base" value="([^"]*)"', page)
    assert found
    answer = post_action(owner, services, "off", "echo", open="echo", base=found.group(1))
    assert 'id="editor-on"' in answer.text
    assert found.group(1) not in answer.text
    elsewhere = post_action(owner, services, "off", "menu", open="echo", base=found.group(1))
    assert 'id="editor-on"' not in elsewhere.text
    gone = post_action(owner, services, "delete", "echo", open="echo", base=found.group(1))
    assert (gone.status_code, gone.headers["HX-Redirect"]) == (204, "/brains/demo")
    assert "is deleted from the draft." in owner.get("/brains/demo").text


def test_a_row_is_moved_and_switched_whatever_the_list_was(owner: Browser, services: Services):
    owner.get("/brains/demo")
    for row in ("down:hello", "down:hello", "toggle:hello"):
        assert owner.post(f"{BULK}row", htmx=True, row=row).status_code == 200
    assert (list_ids(services)[:3], list_disabled(services)) == (["echo", "menu", "hello"], ["hello"])


def test_a_selection_is_a_file_that_can_be_taken_in_again(owner: Browser):
    answer = owner.post(f"{BULK}export.yaml", pick=["ask", "echo"])
    assert answer.mimetype == "application/yaml"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="demo-2-commands.yaml"'
    document = yaml_format.load_yaml(answer.text)
    assert [each["id"] for each in document["commands"]] == ["echo", "ask"]
    assert [each["name"] for each in document["prompts"]] == ["assistant"]
    look = owner.post("/brains/import", text=answer.text, into="demo", way="add")
    assert "There already, word for word, and left out: “Echo”, “Ask the AI”." in look.text
    assert "There is nothing to add." in look.text


def test_groups_are_made_renamed_switched_moved_and_dissolved(owner: Browser, services: Services):
    owner.get("/brains/demo")
    owner.post(GROUPS, htmx=True, act="new", name="Play")
    post_action(owner, services, "group:Play", "echo", "count")
    post_action(owner, services, "group:", "menu")
    renamed = owner.post(GROUPS, htmx=True, act="rename", was="Play", name="Games")
    assert "“Play” is now called “Games”." in renamed.text
    assert set(map_groups(services).values()) == {"Games"}
    assert owner.post(GROUPS, htmx=True, act="new", name="games").status_code == 422
    owner.post(GROUPS, htmx=True, act="off", was="Games")
    assert list_disabled(services) == ["echo", "count"]
    owner.post(GROUPS, htmx=True, act="on", was="Games")
    assert list_disabled(services) == []
    owner.post(GROUPS, htmx=True, act="up", was="Games", first="echo")
    assert list_ids(services)[:3] == ["echo", "count", "hello"]
    dissolved = owner.post(GROUPS, htmx=True, act="dissolve", was="Games")
    assert (map_groups(services), get_brain(services).draft["groups"]) == ({}, [])
    undo(owner, dissolved.text)
    assert set(map_groups(services)) == {"echo", "count"}


def test_an_undo_that_nobody_offered_is_refused(owner: Browser, services: Services):
    before = get_brain(services).draft
    answer = owner.post("/brains/demo/undo", value='{"commands": {}, "rest": {}, "order": [[], []]}')
    assert answer.status_code == 422
    assert "can no longer be undone" in answer.text
    assert get_brain(services).draft == before


def test_a_deleted_command_too_large_for_a_cookie_comes_back_too(owner: Browser, services: Services):
    # Nothing that packs well: a cookie would have to carry all of it.
    text = " ".join(f"{n * 7919 % 10_007:x}{n * 104_729 % 65_537:x}" for n in range(1500))

    def write(session: Any) -> None:
        found = store.find_brain(session, "demo")
        assert found
        large = {"id": "large", "name": "Large", "trigger": {"kind": "exact", "texts": ["x"]}}
        commands = [*found.draft["commands"], {**large, "action": {"kind": "reply", "template": text}}]
        store.save_draft(
            session, found.id, {**found.draft, "commands": commands}, found.draft_rev, services.clock()
        )

    services.database.write(write)
    owner.post("/brains/demo/commands/large/act", act="delete")
    assert "large" not in list_ids(services)
    undo(owner, owner.get("/brains/demo").text)
    assert get_brain(services).draft["commands"][-1]["action"]["template"] == text


def test_who_may_only_look_sees_the_groups_without_controls(sign_in: Any, owner: Browser, services: Services):
    owner.get("/brains/demo")
    post_action(owner, services, "new-group", "echo", group="Play")
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/brains/demo").text
    assert "Play" in page
    for control in ('name="pick"', 'id="tree"', 'id="row-acts"', 'popovertarget="group', "cmd-grip"):
        assert control not in page
    for path in (BULK, f"{BULK}row", GROUPS, "/brains/demo/undo", "/brains/import"):
        assert viewer.post(path, act="off", pick=["echo"]).status_code == 403


def test_a_save_in_a_long_list_draws_its_own_row_and_no_more(owner: Browser, services: Services):
    def fill(session: Any) -> None:
        found = store.find_brain(session, "demo")
        assert found
        many = [
            {
                "id": f"c{n}",
                "name": f"C {n}",
                "trigger": {"kind": "exact", "texts": [f"c{n}"]},
                "action": {"kind": "reply", "template": "x"},
            }
            for n in range(120)
        ]
        store.save_draft(
            session, found.id, {**found.draft, "commands": many}, found.draft_rev, services.clock()
        )

    services.database.write(fill)
    form = {
        "name": "Renamed",
        "enabled": "on",
        "trigger_kind": "exact",
        "t_texts": "c7",
        "text": "x",
        "force": "yes",
    }
    answer = owner.post("/brains/demo/commands/c7", htmx=True, **form)
    assert 'hx-target="#cmd-c7"' in answer.text
    assert "Renamed" in answer.text
    assert "cmd-c8" not in answer.text
    moved = owner.post("/brains/demo/commands/c7", htmx=True, **form, group="Lost")
    assert 'id="cmd-c8"' in moved.text
