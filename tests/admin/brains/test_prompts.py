"""Prompts in the workbench: written, renamed, tried, and used as the answer of a command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot.models import Message
from app.brains.ai.provider_store import ProviderInput
from app.brains.versions import store
from app.services import Services
from app.settings import Settings
from bench.fake_ai import FakeAi
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")

HOME = "/brains/demo/prompts/"
HELPER = f"{HOME}helper"
FORM = {
    "system": "You help\r\n{{ sender.name }}.",
    "user": "{{ message.text }}",
    "model": "",
    "temperature": "0,4",
    "max_tokens": "100",
    "turns": "3",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ai_allow_private": True})


@pytest.fixture
def owner_with_prompt(owner: Browser) -> Browser:
    assert owner.post(HOME, name="helper").location.endswith("/prompts/helper")
    return owner


def get_draft(services: Services) -> dict[str, Any]:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return found.draft


def get_last_prompt(services: Services) -> dict[str, Any]:
    return get_draft(services)["prompts"][-1]


def grant(browser: Browser, **more: Any) -> None:
    browser.post("/brains/demo/settings", part="grants", grant_ai="on", ai_tokens="", ai_provider="", **more)


def test_a_new_prompt_works_as_it_stands(owner_with_prompt: Browser, services: Services):
    assert get_last_prompt(services)["user"] == "{{ message.text }}"
    answer = owner_with_prompt.post(f"{HELPER}/try", htmx=True, try_text="Where is it?").text
    assert "Where is it?" in answer
    assert "You are a friendly assistant" in answer
    assert "helper" in owner_with_prompt.get(HOME).text


@pytest.mark.parametrize(("name", "words"), [("Helper!", "small letters"), ("helper", "already a prompt")])
def test_a_name_that_cannot_be_is_told(owner_with_prompt: Browser, name: str, words: str):
    answer = owner_with_prompt.post(HOME, name=name)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_prompt_is_saved_as_it_is_written_right_or_wrong(owner_with_prompt: Browser, services: Services):
    assert "Draft saved" in owner_with_prompt.post(HELPER, htmx=True, **FORM, force="yes").text
    assert get_last_prompt(services) == {
        "name": "helper",
        "system": "You help\n{{ sender.name }}.",
        "user": "{{ message.text }}",
        "temperature": 0.4,
        "max_tokens": 100,
        "memory": {"turns": 3},
    }
    wrong = owner_with_prompt.post(
        HELPER, htmx=True, **{**FORM, "user": "{{ oh", "turns": "many"}, force="yes"
    ).text
    assert "in the user prompt" in wrong
    assert get_last_prompt(services)["memory"] == {"turns": "many"}
    assert owner_with_prompt.get(HELPER).status_code == 200


def test_two_editors_are_told_of_each_other(owner_with_prompt: Browser, services: Services):
    owner_with_prompt.post(HELPER, htmx=True, **FORM, force="yes")
    answer = owner_with_prompt.post(HELPER, htmx=True, **{**FORM, "user": "mine"}, base="older")
    assert answer.status_code == 409
    assert "Somebody else has changed this prompt" in answer.text
    assert '<h3 class="field-name">User prompt</h3>' in answer.text
    assert '<ins class="diff-new diff-text">mine</ins>' in answer.text
    assert get_last_prompt(services)["user"] == "{{ message.text }}"
    assert "mine</textarea>" in owner_with_prompt.post(HELPER, **{**FORM, "user": "mine"}, base="older").text


def test_a_command_answers_with_a_prompt_and_follows_its_name(owner_with_prompt: Browser, services: Services):
    form = {"name": "Ask", "enabled": "on", "trigger_kind": "command", "t_words": "ask", "chats": "any"}
    asks = {**form, "action_kind": "prompt", "prompt": "helper", "otherwise": "Later.\r\n", "force": "yes"}
    assert "Draft saved" in owner_with_prompt.post("/brains/demo/commands/ask", htmx=True, **asks).text

    def action() -> Any:
        return next(each for each in get_draft(services)["commands"] if each["id"] == "ask")["action"]

    assert action() == {"kind": "prompt", "prompt": "helper", "otherwise": "Later."}
    owner_with_prompt.post(f"{HELPER}/rename", new_name="adviser")
    assert action()["prompt"] == "adviser"
    page = owner_with_prompt.get("/brains/demo/commands/ask").text
    assert "<option selected>adviser</option>" in page.replace("option selected >", "option selected>")
    assert "Ask" in owner_with_prompt.get(f"{HOME}adviser").text
    tried = owner_with_prompt.post(
        "/brains/demo/commands/ask/try", htmx=True, **asks, try_text="!ask me"
    ).text
    assert "There is no prompt" in tried or "does not exist" in tried


def test_a_look_at_another_kind_keeps_what_was_typed(owner_with_prompt: Browser):
    form = {
        "name": "Ask",
        "trigger_kind": "command",
        "t_words": "ask",
        "action_kind": "script",
        "source": "x",
    }
    page = owner_with_prompt.post(
        "/brains/demo/commands/echo/shape", htmx=True, **form, prompt="helper", otherwise="Later."
    ).text
    assert "Later.</textarea>" in page


def test_a_deleted_prompt_can_come_back(owner_with_prompt: Browser, services: Services):
    before = get_last_prompt(services)
    owner_with_prompt.post(f"{HELPER}/delete")
    assert owner_with_prompt.get(HELPER).status_code == 404
    owner_with_prompt.post(f"{HOME}restore", value=json.dumps(before))
    assert get_last_prompt(services) == before
    assert owner_with_prompt.post(f"{HOME}restore", value="[1]").status_code == 400


def test_a_try_fills_in_values_and_names_a_wrong_line(owner_with_prompt: Browser):
    form = {**FORM, "user": "Be {{ vars.tone }}"}
    assert (
        "Be {{ x }}"
        in owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form, try_vars='{"tone": "{{ x }}"}').text
    )
    wrong = owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form).text
    assert 'data-jump="user" data-line="1"' in wrong
    assert owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form, try_vars="[1]").status_code == 422
    page = owner_with_prompt.post(f"{HELPER}/try", **form, try_vars='{"tone": "kind"}').text
    assert "Be kind" in page


def test_a_real_answer_is_asked_for_and_written_down(
    owner_with_prompt: Browser, app: Flask, services: Services, fake_ai: FakeAi
):
    form = {**FORM, "try_text": "<b>Hi</b>", "ask": "yes"}
    owner_with_prompt.post("/brains/demo/settings", part="grants")
    assert "Switch “ai” on" in owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form).text
    grant(owner_with_prompt)
    assert "No AI provider is set up" in owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form).text
    providers = app.extensions["services"].ai.providers
    services.database.write(
        lambda s: providers.create(s, ProviderInput("home", fake_ai.url, "fake-small", fake_ai.key), 1)
    )
    assert (
        "You asked: &lt;b&gt;Hi&lt;/b&gt;" in owner_with_prompt.post(f"{HELPER}/try", htmx=True, **form).text
    )
    assert "answered" in owner_with_prompt.get(HELPER).text
    assert "used this month, in 1 call" in owner_with_prompt.get("/brains/demo/settings").text
    with services.database.read() as session:
        assert session.query(Message).count() == 0


def test_the_tokens_of_a_month_may_be_without_end(owner_with_prompt: Browser, services: Services):
    grant(owner_with_prompt)
    assert get_draft(services)["grants"]["ai"] == {"monthly_tokens": None, "provider": None}
    owner_with_prompt.post(
        "/brains/demo/settings", part="grants", grant_ai="on", ai_tokens="500", ai_provider="home"
    )
    assert get_draft(services)["grants"]["ai"] == {"monthly_tokens": 500, "provider": "home"}


def test_a_viewer_reads_prompts_and_changes_none(
    owner_with_prompt: Browser, sign_in: Callable[[Role], Browser]
):
    assert owner_with_prompt
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(HOME).status_code == 200
    assert viewer.get(HELPER).status_code == 200
    for path in (HOME, HELPER, f"{HELPER}/try", f"{HELPER}/rename", f"{HELPER}/delete"):
        assert viewer.post(path, name="x").status_code == 403
