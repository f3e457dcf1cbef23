"""Tests in the workbench: written, run, red and green, and what they keep from being published."""

import html
import re
from typing import Any

import pytest

from app.accounts.roles import Role
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")

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


def build_form(**changes: Any) -> dict[str, Any]:
    return {**ROWS, **changes}


def list_stored_tests(services: Services) -> list[dict[str, Any]]:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return list(found.draft.get("tests", []))


def find_base(page: str) -> str:
    found = re.search(r'name="base" id="base" value="([^"]*)"', page)
    assert found
    return found.group(1)


def test_the_first_test_is_offered_then_saved_and_runs_green(owner: Browser, services: Services):
    assert "No tests yet" in owner.get(TESTS).text
    assert 'value="Test 1"' in owner.get(f"{TESTS}new").text
    answer = owner.post(f"{TESTS}save", htmx=True, **build_form())
    assert "Draft saved" in answer.text
    assert "Passed" in answer.text
    assert list_stored_tests(services) == [
        {"name": "Echoes", "steps": [{"user": "!echo hi"}, {"bot": "You said hi"}]}
    ]
    assert "1 of 1 passed" in owner.get(TESTS).text


def test_a_red_test_shows_expected_and_came_word_by_word(owner: Browser):
    answer = owner.post(f"{TESTS}save", htmx=True, **build_form(step_text=["!echo hi", "You said bye"]))
    assert "<del>bye</del><ins>hi</ins>" in answer.text
    assert "“hi” came instead of “bye”" in answer.text
    page = owner.get(f"{TESTS}1").text
    assert "<del>bye</del>" in page
    assert "0 of 1 passed" in owner.get(TESTS).text


def test_saving_again_changes_the_same_test_and_another_editor_is_noticed(owner: Browser, services: Services):
    first = owner.post(f"{TESTS}save", htmx=True, **build_form())
    base = find_base(first.text)
    second = owner.post(f"{TESTS}save", htmx=True, **build_form(base=base, name="Says it back"))
    assert [test["name"] for test in list_stored_tests(services)] == ["Says it back"]
    late = owner.post(f"{TESTS}save", htmx=True, **build_form(base=base, name="Says it back", who="Kofi"))
    assert late.status_code == 409
    assert "Keep mine" in late.text
    assert "diff-new" in late.text
    kept = build_form(base=base, name="Says it back", who="Kofi", force="yes")
    assert owner.post(f"{TESTS}save", **kept).status_code == 302
    assert [test.get("start") for test in list_stored_tests(services)] == [{"name": "Kofi"}]
    assert find_base(second.text) != base


def test_every_kind_of_step_survives_the_form(owner: Browser, services: Services):
    kinds = ["user.text", "user.button", "user.list", "user.image", "user.voice", "user.location", "bot.exact",
             "bot.exact", "bot.contains", "bot.regex", "bot.any", "bot.silent", "time.wait"]  # fmt: skip
    owner.post(
        f"{TESTS}save",
        **build_form(
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
    assert list_stored_tests(services) == [
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
    before = list_stored_tests(services)
    page = owner.get(f"{TESTS}1").text
    again = {
        "name": "Echoes",
        "who": "Ada",
        "base": find_base(page),
        "time": "2026-01-05T09:00",
        "phone": "15550100001",
        "group": "on",
    }
    for name in ("kind", "text", "as", "choices", "seed"):
        again[f"step_{name}"] = list_values(page, f"step_{name}")
    for name in ("memory", "stubs"):
        found = re.search(rf'name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
        assert found
        again[name] = html.unescape(found.group(1))
    owner.post(f"{TESTS}save", **again)
    assert list_stored_tests(services) == before


def list_values(page: str, name: str) -> list[str]:
    """Read a column of the steps as a browser would send it."""
    page = page.partition("<template")[0]
    if name == "step_kind":
        return re.findall(r'<option value="([a-z.]+)" selected', page)
    found = re.findall(rf'name="{name}"[^>]*?(?: value="([^"]*)"[^>]*>|>(.*?)</textarea>)', page, re.DOTALL)
    return [html.unescape(value or text) for value, text in found]


def test_a_wrong_test_is_kept_named_and_hinders_nothing_else(owner: Browser, services: Services):
    answer = owner.post(
        f"{TESTS}save",
        htmx=True,
        **build_form(step_kind=["user.text", "time.wait"], step_text=["hi", "soon"]),
    )
    assert "Write how long to wait" in answer.text
    assert list_stored_tests(services)[0]["steps"][1] == {"wait": "soon"}
    assert "in test 1, step 2" in owner.get("/brains/demo").text
    assert "You said" in owner.post("/brains/demo/commands/echo/try", htmx=True, try_text="!echo hi").text


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("user.text", " ", "Write what the contact writes."),
        ("user.button", "", "Write the title of the button."),
        ("user.form", "", "This must be a group of fields."),
        ("user.burst", "", "Write at least two lines."),
        ("bot.exact", "", "Write what the bot replies."),
        ("bot.contains", "", "Write what the reply contains."),
        ("bot.regex", "", "Write a regular expression."),
        ("time.wait", "", "Write how long to wait"),
    ],
)
def test_an_empty_step_stays_and_its_field_says_what_is_missing(
    owner: Browser, services: Services, kind: str, typed: str, words: str
):
    answer = owner.post(
        f"{TESTS}save",
        htmx=True,
        **build_form(
            step_kind=["user.text", kind, "bot.exact"],
            step_text=["!echo hi", typed, "You said hi"],
            step_as=["", "", ""],
            step_choices=["", "", ""],
            step_seed=["", "", ""],
        ),
    )
    assert len(list_stored_tests(services)[0]["steps"]) == 3
    found = re.findall(r'data-field="([^"]*)" data-words="([^"]*)"', answer.text)
    assert [field for field, _ in found] == ["step-2-text"]
    assert found[0][1].startswith(words)
    page = owner.get(f"{TESTS}1").text
    assert list_values(page, "step_kind") == ["user.text", kind, "bot.exact"]
    assert list_values(page, "step_text")[::2] == ["!echo hi", "You said hi"]
    assert 'id="step-2-text"' in page


def test_a_wrong_field_of_the_initial_state_is_marked_as_well(owner: Browser):
    answer = owner.post(f"{TESTS}save", htmx=True, **build_form(time="noon", stubs="- call: ' '"))
    assert set(re.findall(r'data-field="([^"]*)"', answer.text)) == {"test-time", "test-stubs"}


def test_tests_move_copy_and_come_back_after_deletion(owner: Browser, services: Services):
    for name in ("One", "Two"):
        owner.post(f"{TESTS}save", **build_form(name=name))
    prints = re.findall(r'id="test-([0-9a-f]+)"', owner.get(TESTS).text)
    owner.post(f"{TESTS}act", act="up", base=prints[1])
    assert [test["name"] for test in list_stored_tests(services)] == ["Two", "One"]
    owner.post(f"{TESTS}act", act="duplicate", base=prints[1])
    assert [test["name"] for test in list_stored_tests(services)] == ["Two", "Two copy", "One"]
    owner.post(f"{TESTS}act", act="delete", base=prints[1])
    page = owner.get(TESTS).text
    assert [test["name"] for test in list_stored_tests(services)] == ["Two copy", "One"]
    kept = re.search(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert kept
    owner.post(f"{TESTS}restore", value=html.unescape(kept.group(1)))
    assert [test["name"] for test in list_stored_tests(services)] == ["Two", "Two copy", "One"]


def test_the_header_runs_the_tests_after_a_change_and_shows_their_colour(owner: Browser):
    owner.post(f"{TESTS}save", **build_form(step_text=["!echo hi", "You said bye"]))
    owner.post("/brains/demo/commands/menu/act", act="toggle")
    page = owner.get("/brains/demo").text
    assert 'hx-trigger="load delay:1500ms"' in page
    assert "1 failed" in owner.get(f"{TESTS}state", htmx=True).text
    assert 'hx-trigger="load delay:1500ms"' not in owner.get("/brains/demo").text
    assert "Run all" in owner.get(TESTS).text
    assert "0 of 1 passed" in owner.post(f"{TESTS}run", htmx=True, only="Echoes").text


def test_red_tests_keep_a_draft_from_going_live_unless_there_is_a_reason(owner: Browser, services: Services):
    owner.post(f"{TESTS}save", **build_form(step_text=["!echo hi", "You said bye"]))
    refused = owner.post("/brains/demo/publish", note="A try", anyway="  ")
    assert refused.location.endswith(TESTS)
    assert "1 of its tests did not pass (“Echoes”)" in owner.get(TESTS).text
    owner.post("/brains/demo/publish", note="A try", anyway="The fair begins")
    page = owner.get("/brains/demo/versions").text
    assert "Version 2 is live from the next message on." in page
    assert "Published with failed tests: The fair begins" in page
    base = find_base(owner.get(f"{TESTS}1").text)
    owner.post(f"{TESTS}save", **build_form(base=base))
    owner.post("/brains/demo/publish", note="Green again", anyway="not needed")
    with services.database.read() as session:
        found = store.list_versions(session, 1)
    assert [(each.number, each.override_reason) for each in found] == [
        (3, None),
        (2, "The fair begins"),
        (1, None),
    ]


def test_a_viewer_sees_results_and_changes_nothing(sign_in: Any, owner: Browser):
    owner.post(f"{TESTS}save", **build_form())
    viewer = sign_in(Role.VIEWER)
    assert "1 of 1 passed" in viewer.get(f"{TESTS}?run=yes").text
    assert viewer.get(f"{TESTS}1").status_code == 200
    assert viewer.post(f"{TESTS}save", **build_form()).status_code == 403
    assert viewer.get(f"{TESTS}9").status_code == 404
