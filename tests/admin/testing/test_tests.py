"""Tests in the workbench: written, run, red and green, and what they keep from being published."""

import html
import re
from typing import Any

import pytest
from admin_browser import Browser

from app.accounts import Role
from app.brains import versions
from app.web import House

pytestmark = pytest.mark.usefixtures("brain")

TESTS = "/brains/demo/tests/"
ROWS: dict[str, Any] = {
    "name": "Echoes",
    "who": "Ada",
    "base": "",
    "step_kind": ["user.text", "bot.exact"],
    "step_text": ["!echo hi", "You said hi"],
    "step_as": ["", ""],
    "step_choices": ["", ""],
    "step_seed": ["", ""],
}


def form(**changes: Any) -> dict[str, Any]:
    return {**ROWS, **changes}


def stored(house: House) -> list[dict[str, Any]]:
    with house.database.read() as session:
        found = versions.find_brain(session, "demo")
        assert found
        return list(found.draft.get("tests", []))


def base_of(page: str) -> str:
    found = re.search(r'name="base" id="base" value="([^"]*)"', page)
    assert found
    return found.group(1)


def test_the_first_test_is_offered_then_saved_and_runs_green(owner: Browser, house: House):
    assert "No tests yet" in owner.get(TESTS).text
    assert 'value="Test 1"' in owner.get(f"{TESTS}new").text
    answer = owner.post(f"{TESTS}save", htmx=True, **form())
    assert "Draft saved" in answer.text
    assert "Green" in answer.text
    assert stored(house) == [{"name": "Echoes", "steps": [{"user": "!echo hi"}, {"bot": "You said hi"}]}]
    assert "1 of 1 green" in owner.get(TESTS).text


def test_a_red_test_shows_expected_and_came_word_by_word(owner: Browser):
    answer = owner.post(f"{TESTS}save", htmx=True, **form(step_text=["!echo hi", "You said bye"]))
    assert "<del>bye</del><ins>hi</ins>" in answer.text
    assert "“hi” came instead of “bye”" in answer.text
    page = owner.get(f"{TESTS}1").text
    assert "<del>bye</del>" in page
    assert "0 of 1 green" in owner.get(TESTS).text


def test_saving_again_changes_the_same_test_and_another_editor_is_noticed(owner: Browser, house: House):
    first = owner.post(f"{TESTS}save", htmx=True, **form())
    base = base_of(first.text)
    second = owner.post(f"{TESTS}save", htmx=True, **form(base=base, name="Says it back"))
    assert [test["name"] for test in stored(house)] == ["Says it back"]
    late = owner.post(f"{TESTS}save", htmx=True, **form(base=base, name="Says it back", who="Kofi"))
    assert late.status_code == 409
    assert "Keep mine" in late.text
    kept = form(base=base, name="Says it back", who="Kofi", force="yes")
    assert owner.post(f"{TESTS}save", **kept).status_code == 302
    assert [test.get("start") for test in stored(house)] == [{"name": "Kofi"}]
    assert base_of(second.text) != base


def test_every_kind_of_step_survives_the_form(owner: Browser, house: House):
    kinds = ["user.text", "user.button", "user.list", "user.image", "user.voice", "user.location", "bot.exact",
             "bot.exact", "bot.contains", "bot.regex", "bot.any", "bot.silent", "time.wait"]  # fmt: skip
    owner.post(
        f"{TESTS}save",
        **form(
            step_kind=kinds,
            step_text=["Hi\r\nyou", "Yes", "Soup", "", "", "Accra", "A", "B", "C", "^D", "", "", "25h"],
            step_as=["Ama", *[""] * 12],
            step_seed=["7", *[""] * 12],
            step_choices=[*[""] * 7, "Yes | No", "Yes", *[""] * 4],
            memory="contact: {points: 3}",
            time="2026-01-05T09:00",
            phone="+15550100001",
            group="on",
            stubs="- call: http.get\n  answer: {json: {a: 1}}",
        ),
    )
    assert stored(house) == [
        {
            "name": "Echoes",
            "start": {
                "memory": {"contact": {"points": 3}},
                "time": "2026-01-05T09:00",
                "phone": "15550100001",
                "group": True,
            },
            "stubs": [{"call": "http.get", "answer": {"json": {"a": 1}}}],
            "steps": [
                {"user": "Hi\nyou", "as": "Ama", "seed": 7},
                {"user": {"button": "Yes"}},
                {"user": {"list": "Soup"}},
                {"user": {"image": ""}},
                {"user": {"voice": True}},
                {"user": {"location": "Accra"}},
                {"bot": "A"},
                {"bot": {"exact": "B", "choices": ["Yes", "No"]}},
                {"bot": {"contains": "C", "choices": ["Yes"]}},
                {"bot": {"regex": "^D"}},
                {"bot": {"any": True}},
                {"silent": True},
                {"wait": "25h"},
            ],
        }
    ]
    before = stored(house)
    page = owner.get(f"{TESTS}1").text
    again = {
        "name": "Echoes",
        "who": "Ada",
        "base": base_of(page),
        "time": "2026-01-05T09:00",
        "phone": "15550100001",
        "group": "on",
    }
    for name in ("kind", "text", "as", "choices", "seed"):
        again[f"step_{name}"] = values(page, f"step_{name}")
    for name in ("memory", "stubs"):
        found = re.search(rf'name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
        assert found
        again[name] = html.unescape(found.group(1))
    owner.post(f"{TESTS}save", **again)
    assert stored(house) == before


def values(page: str, name: str) -> list[str]:
    """Read a column of the steps as a browser would send it."""
    page = page.partition("<template")[0]
    if name == "step_kind":
        return re.findall(r'<option value="([a-z.]+)" selected', page)
    found = re.findall(rf'name="{name}"[^>]*?(?: value="([^"]*)"[^>]*>|>(.*?)</textarea>)', page, re.DOTALL)
    return [html.unescape(value or text) for value, text in found]


def test_a_wrong_test_is_kept_named_and_hinders_nothing_else(owner: Browser, house: House):
    answer = owner.post(
        f"{TESTS}save", htmx=True, **form(step_kind=["user.text", "time.wait"], step_text=["hi", "soon"])
    )
    assert "Write how long to wait" in answer.text
    assert stored(house)[0]["steps"][1] == {"wait": "soon"}
    assert "in test 1, step 2" in owner.get("/brains/demo").text
    assert "You said" in owner.post("/brains/demo/commands/echo/try", htmx=True, try_text="!echo hi").text


def test_tests_move_copy_and_come_back_after_deletion(owner: Browser, house: House):
    for name in ("One", "Two"):
        owner.post(f"{TESTS}save", **form(name=name))
    prints = re.findall(r'id="test-([0-9a-f]+)"', owner.get(TESTS).text)
    owner.post(f"{TESTS}act", act="up", base=prints[1])
    assert [test["name"] for test in stored(house)] == ["Two", "One"]
    owner.post(f"{TESTS}act", act="duplicate", base=prints[1])
    assert [test["name"] for test in stored(house)] == ["Two", "Two copy", "One"]
    owner.post(f"{TESTS}act", act="delete", base=prints[1])
    page = owner.get(TESTS).text
    assert [test["name"] for test in stored(house)] == ["Two copy", "One"]
    kept = re.search(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert kept
    owner.post(f"{TESTS}restore", value=html.unescape(kept.group(1)))
    assert [test["name"] for test in stored(house)] == ["Two", "Two copy", "One"]


def test_the_header_runs_the_tests_after_a_change_and_shows_their_colour(owner: Browser):
    owner.post(f"{TESTS}save", **form(step_text=["!echo hi", "You said bye"]))
    owner.post("/brains/demo/commands/menu/act", act="toggle")
    page = owner.get("/brains/demo").text
    assert 'hx-trigger="load delay:1500ms"' in page
    assert "1 not green" in owner.get(f"{TESTS}state", htmx=True).text
    assert 'hx-trigger="load delay:1500ms"' not in owner.get("/brains/demo").text
    assert "Run all" in owner.get(TESTS).text
    assert "0 of 1 green" in owner.post(f"{TESTS}run", htmx=True, only="Echoes").text


def test_red_tests_keep_a_draft_from_going_live_unless_there_is_a_reason(owner: Browser, house: House):
    owner.post(f"{TESTS}save", **form(step_text=["!echo hi", "You said bye"]))
    refused = owner.post("/brains/demo/publish", note="A try", anyway="  ")
    assert refused.location.endswith(TESTS)
    assert "1 of its tests is not green (“Echoes”)" in owner.get(TESTS).text
    owner.post("/brains/demo/publish", note="A try", anyway="The fair begins")
    page = owner.get("/brains/demo/versions").text
    assert "Version 2 is live from the next message on." in page
    assert "Published with red tests: The fair begins" in page
    base = base_of(owner.get(f"{TESTS}1").text)
    owner.post(f"{TESTS}save", **form(base=base))
    owner.post("/brains/demo/publish", note="Green again", anyway="not needed")
    with house.database.read() as session:
        found = versions.versions(session, 1)
    assert [(each.number, each.override_reason) for each in found] == [
        (3, None),
        (2, "The fair begins"),
        (1, None),
    ]


def test_a_viewer_sees_results_and_changes_nothing(sign_in: Any, owner: Browser):
    owner.post(f"{TESTS}save", **form())
    viewer = sign_in(Role.VIEWER)
    assert "1 of 1 green" in viewer.get(f"{TESTS}?run=yes").text
    assert viewer.get(f"{TESTS}1").status_code == 200
    assert viewer.post(f"{TESTS}save", **form()).status_code == 403
    assert viewer.get(f"{TESTS}9").status_code == 404
