"""Scripts in the editor: written, kept, named where they are wrong, and tried with nothing sent or stored."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.roles import Role
from app.admin.workbench.script_reference import STARTER_SCRIPT
from app.bot.models import Message
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.services import Services
from tests.admin.browser import ECHO, SCRIPT, Browser, save_script

pytestmark = pytest.mark.usefixtures("demo_brain")


def get_command(services: Services) -> dict[str, Any]:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return next(each for each in found.draft["commands"] if each["id"] == "echo")


def try_source(browser: Browser, source: str, **more: str) -> Any:
    return browser.post(f"{ECHO}/try", htmx=True, **{**SCRIPT, "source": source, **more})


def test_a_script_is_saved_as_it_is_written(owner: Browser, services: Services):
    source = 'if ctx.args.text:\r\n    ctx.reply("<b>")\r\n'
    answer = save_script(owner, source, errors_to=" +233 20 1 ", text="left from the text answer")
    assert "Draft saved" in answer
    assert get_command(services)["action"] == {
        "kind": "script",
        "source": 'if ctx.args.text:\n    ctx.reply("<b>")\n',
    }
    assert get_command(services)["errors_to"] == "+233 20 1"
    page = owner.get(ECHO).text
    assert "    ctx.reply(&#34;&lt;b&gt;&#34;)" in page
    assert f"{len(get_command(services)['action']['source'])} / 16,384" in page


def test_a_look_at_the_other_kind_keeps_what_was_typed(owner: Browser, services: Services):
    before = get_command(services)
    form = {**SCRIPT, "text": "Typed text", "button": "Yes", "quote": "on"}
    script = owner.post(f"{ECHO}/shape", htmx=True, **form, source="").text
    assert STARTER_SCRIPT.splitlines()[1].replace('"', "&#34;") in script
    assert "Typed text</textarea>" in script
    again = {**form, "action_kind": "reply", "source": "ctx.reply(1)"}
    reply = owner.post(f"{ECHO}/shape", htmx=True, **again).text
    assert "ctx.reply(1)" in reply
    assert 'value="Yes"' in reply
    assert get_command(services) == before


def test_a_wrong_script_is_kept_and_its_place_named(owner: Browser, services: Services):
    answer = save_script(owner, "x = 1\nclass Bot:\n    pass\n")
    assert 'data-jump="source" data-line="2"' in answer
    assert get_command(services)["action"]["source"].startswith("x = 1\nclass")
    owner.post("/brains/demo/publish")
    page = owner.get("/brains/demo").text
    assert "Repair 1 problem" in page
    assert "/brains/demo/commands/echo?line=2" in page


def test_the_script_a_new_command_begins_with_works(owner: Browser):
    first = try_source(owner, STARTER_SCRIPT, try_name="Ada", try_text="!echo hi").text
    assert "Hello Ada, nice to meet you!" in first
    later = try_source(
        owner, STARTER_SCRIPT, try_name="Ada", try_text="!echo hi", try_memory='{"visits": 6}'
    ).text
    assert "This is visit number 7." in later


def test_a_try_shows_everything_it_would_do_and_does_none_of_it(owner: Browser, services: Services):
    source = (
        'ctx.react("👍")\n'
        'ctx.reply("You said " + ctx.args.text, buttons=["Yes", "No"], quote=True)\n'
        'ctx.reply("Choose", list={"button": "Menu", "rows": [{"id": "1", "title": "Soup", "description": "Hot"}]})\n'
        'ctx.send_image("https://example.com/a.jpg", caption="Look")\n'
        'ctx.memory.set("city", "Accra", ttl=7200)\n'
        'ctx.memory.incr("points", by=2)\n'
        'ctx.schedule("Hello", after=7200, name="tea")\n'
        'ctx.handoff("Wants a person")\n'
        'print("looked at", ctx.memory.get("points"))\n'
        "ctx.result([1, 2])\n"
    )
    answer = try_source(owner, source, try_text="!echo <i>hi</i>", try_memory='{"points": 3}')
    assert answer.status_code == 200
    for shown in (
        "👍", "You said &lt;i&gt;hi&lt;/i&gt;", "Yes", "Menu", "Soup", "Hot", "https://example.com/a.jpg", "Look",
        "Remembers city = &#34;Accra&#34; for this contact, for 2 h", "Adds 2 to points for this contact",
        "Runs “Hello” in 2 h under the name “tea”", "Hands over to a person: Wants a person", "looked at 5",
        "[1, 2]", "Worked: 8 effects.", "8 / 32 effects", "18 / 4,096 characters", "7 / 16,384 bytes",
    ):  # fmt: skip
        assert shown in answer.text, shown
    assert "<i>hi</i>" not in answer.text
    with services.database.read() as session:
        assert session.query(Message).count() == 0
    assert get_command(services)["action"]["kind"] == "reply"


def test_an_error_is_told_with_its_line_and_the_place_marked(owner: Browser):
    answer = try_source(owner, 'name = "Ada"\nctx.repyl(name)\n').text
    assert "Line 2" in answer
    assert "reply" in answer
    assert 'data-jump="source" data-line="2"' in answer
    assert "lines-mark" in answer
    assert "The error is in line" in answer
    assert "Failed. Line 2." in answer


def test_an_endless_loop_ends_and_shows_what_it_used(owner: Browser):
    answer = try_source(owner, "while True:\n    pass\n").text
    assert "Failed" in answer
    assert "/ 250 ms" in answer
    assert "budget-bad" in answer or "budget-warn" in answer


def test_a_text_answer_can_be_tried_too(owner: Browser):
    form = {**SCRIPT, "action_kind": "reply", "text": "Heard: {{ args.text }}"}
    assert "Heard: hello" in owner.post(f"{ECHO}/try", htmx=True, **form).text
    wrong = owner.post(
        f"{ECHO}/try", htmx=True, **{**form, "text": "Line\n{{ args.text.nothing.there }}"}
    ).text
    assert 'data-jump="text-1" data-line="2"' in wrong


def test_a_message_that_would_not_fire_is_said_to_and_is_run_as_the_arguments(owner: Browser):
    answer = try_source(owner, "ctx.reply(ctx.args.text)", try_text="just words").text
    assert "does not match the trigger" in answer
    assert '<span class="bubble-text">just words</span>' in answer


@pytest.mark.parametrize("memory", ["{oops", "[1]", "3"])
def test_what_is_remembered_must_be_json(owner: Browser, memory: str):
    answer = try_source(owner, "ctx.reply(1)", try_memory=memory)
    assert answer.status_code == 422
    assert "as JSON" in answer.text


def test_a_command_with_a_problem_says_what_to_repair_first(owner: Browser):
    answer = try_source(owner, "ctx.reply(1)", t_words="two words")
    assert answer.status_code == 422
    assert "in the trigger" in answer.text


def test_a_try_without_scripts_in_the_browser_is_a_page(owner: Browser):
    page = owner.post(f"{ECHO}/try", try_text="!echo plain form")
    assert page.status_code == 200
    assert "You said plain form" in page.text
    assert 'value="!echo plain form"' in page.text


def test_only_editors_try_and_only_from_the_page(sign_in: Callable[[Role], Browser]):
    viewer = sign_in(Role.VIEWER)
    assert try_source(viewer, "ctx.reply(1)").status_code == 403
    assert "Editors and owners can try commands" in viewer.get(ECHO).text
    assert viewer.client.post(f"{ECHO}/try", data={"source": "1"}).status_code == 419


def test_a_command_that_is_gone_cannot_be_tried(owner: Browser):
    assert owner.post("/brains/demo/commands/nothing/try").status_code == 404


def test_groups_are_offered_and_kept(owner: Browser, services: Services, demo_brain: Brain):
    assert demo_brain
    owner.post("/brains/demo/settings", part="groups", group_was=["", ""], group_name=["Shop", ""],
               group_errors_to=["+233 20 1", ""])  # fmt: skip
    save_script(owner, "ctx.reply(1)", group="Shop")
    assert get_command(services)["group"] == "Shop"
    page = owner.get(ECHO).text
    assert "<option selected>Shop</option>" in page
    owner.post(
        "/brains/demo/settings", part="groups", group_was="Shop", group_name="Store", group_errors_to=""
    )
    assert get_command(services)["group"] == "Store"
    owner.post("/brains/demo/settings", part="groups", group_was="Store", group_name="", group_errors_to="")
    assert "group" not in get_command(services)
