"""The phones beside the editor: one input to the draft and to the live version, and nothing leaves."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.roles import Role
from app.bot.models import Contact, Cooldown, Message, Run
from app.brains.ai.models import AiCall
from app.brains.capabilities.http import Http
from app.brains.memory.models import Memory
from app.brains.playground.models import Playground
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.services import Services
from tests.admin.browser import ECHO, SCRIPT, Browser, save_script

BENCH = "/brains/demo"
AT = "/brains/demo/playground"
pytestmark = pytest.mark.usefixtures("demo_brain")

ASKS = """\
answer = ctx.http.get("https://api.example.com/price", params={"of": "tea"})
ctx.reply(f"Tea costs {answer.json()['price']}")
"""


def send_text(browser: Browser, text: str, **more: str) -> str:
    return browser.post(f"{AT}/say", htmx=True, pg_text=text, **more).text


def list_runs(page: str) -> list[str]:
    """Return the titles of the answers on the page: which arm, and whether they differ."""
    found = re.findall(r'<p class="pg-arm">(.*?)</p>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in found]


def grant(services: Services, **grants: Any) -> None:
    """Let the demo brain's draft do more."""

    def change(session: Any) -> None:
        brain = store.find_brain(session, "demo")
        assert brain
        draft = {**brain.draft, "grants": {**brain.draft.get("grants", {}), **grants}}
        store.save_draft(session, brain.id, draft, brain.draft_rev, services.clock())

    services.database.write(change)


def test_both_variants_answer_one_input_and_the_same_answer_is_drawn_once(owner: Browser):
    page = send_text(owner, "!echo hi")
    assert list_runs(page) == ["Draft and live Same"]
    assert page.count("You said hi") == 1
    assert "You said hi" in owner.get(BENCH).text


def test_a_draft_that_answers_otherwise_is_shown_beside_the_live_version(owner: Browser):
    save_script(owner, 'ctx.reply("Otherwise")')
    page = send_text(owner, "!echo hi")
    assert list_runs(page) == ["Draft Differs", "Live"]
    assert "Otherwise" in page
    assert "You said hi" in page


def test_what_stands_in_the_editor_is_asked_before_it_is_saved(owner: Browser):
    typed = {**SCRIPT, "source": 'ctx.reply("Not saved yet")', "pg_command": "echo"}
    assert "Not saved yet" in send_text(owner, "!echo hi", **typed)
    assert "Not saved yet" not in owner.get(ECHO).text.split('id="playground"')[0]


def test_a_draft_with_problems_says_which_while_the_live_version_answers(owner: Browser):
    owner.post(ECHO, htmx=True, **{**SCRIPT, "source": "", "name": ""})
    page = send_text(owner, "!echo hi")
    assert list_runs(page) == ["Draft Differs", "Live"]
    assert 'class="pg-refused"' in page
    assert "You said hi" in page
    assert owner.post(f"{AT}/act", htmx=True, act="replay").status_code == 422


def test_nothing_leaves_the_phones_and_nothing_else_is_stored(owner: Browser, services: Services):
    grant(services, http={"allow": ["api.example.com"]}, memory={})
    asked: list[str] = []
    http = Http(resolve=lambda *_: asked.append("looked up") or [])
    services.__dict__["capabilities"] = {**services.capabilities, "http.get": http}
    save_script(owner, 'ctx.memory.set("tea", 3)\n' + ASKS)
    assert "[Simulated AI reply to “" in send_text(owner, "!ask why")
    page = send_text(owner, "!echo hi")
    assert "Nothing leaves this phone. Set the response of" in page
    page = owner.post(
        f"{AT}/calls",
        htmx=True,
        pg_call="http.get",
        pg_match="https://api.example.com/price",
        pg_answer='{"price": 4}',
    ).text
    assert "https://api.example.com/price" in page
    assert "Tea costs 4" in send_text(owner, "!echo hi")
    assert asked == []
    with services.database.read() as session:
        rows = {
            each.__name__: session.scalar(select(func.count()).select_from(each))
            for each in (Message, Run, Memory, Contact, Cooldown, AiCall)
        }
        kept = session.scalar(select(func.count()).select_from(Playground))
    assert set(rows.values()) == {0}
    assert kept == 1


def test_a_send_that_arrives_twice_counts_once(owner: Browser):
    send_text(owner, "!echo hi", pg_once="one")
    assert send_text(owner, "!echo hi", pg_once="one").count("You said hi") == 1
    assert send_text(owner, "!echo hi", pg_once="two").count("You said hi") == 2


def test_a_message_quotes_an_earlier_one_and_several_are_sent_at_once(owner: Browser):
    page = send_text(owner, "!echo hi")
    assert 'data-quote="draft.1.0.0"' in page
    assert 'data-quote="in.1"' in page
    page = send_text(owner, "!echo it", pg_quote="draft.1.0.0")
    assert '<span class="bubble-quote">You said hi</span>' in page
    page = send_text(owner, "!echo two", pg_more="!echo one")
    assert "You said one" in page
    assert "You said two" in page
    assert "no longer on this phone" in send_text(owner, "x", pg_quote="draft.9.0.0")
    assert "first, then this" in send_text(owner, "", pg_more="!echo one", pg_kind="image")


def test_a_button_of_an_answer_can_be_pressed(owner: Browser):
    page = send_text(owner, "!menu")
    place = re.search(r'name="pg_press" value="([^"]+)"', page)
    assert place
    pressed = owner.post(f"{AT}/say", htmx=True, pg_press=place[1]).text
    assert len(list_runs(pressed)) == 2
    assert owner.post(f"{AT}/say", htmx=True, pg_press="draft.99.0.0.0").status_code == 422


@pytest.mark.parametrize("kind", ["image", "audio", "location", "document", "sticker"])
def test_other_kinds_of_messages_can_be_sent(owner: Browser, kind: str):
    page = send_text(owner, "", pg_kind=kind)
    assert 'class="bubble-kind"' in page
    assert list_runs(page)[0].startswith("Draft and live")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("say", {"pg_text": "  "}),
        ("say", {"pg_text": "x", "pg_kind": "unknown"}),
        ("wait", {"pg_wait": "a while"}),
        ("memory", {"pg_scope": "contact", "pg_key": ""}),
        ("memory", {"pg_scope": "world", "pg_key": "a"}),
    ],
)
def test_what_cannot_be_done_is_said(owner: Browser, path: str, form: dict[str, str]):
    answer = owner.post(f"{AT}/{path}", htmx=True, **form)
    assert answer.status_code == 422
    assert "notice-bad" in answer.text


def test_a_value_is_set_shown_and_forgotten_in_both_variants(owner: Browser):
    page = owner.post(f"{AT}/memory", htmx=True, pg_scope="contact", pg_key="points", pg_value="3").text
    assert page.count('value="contact:points"') == 2
    assert "changed" in page
    assert "You set points = 3 for this contact" in page
    page = owner.post(f"{AT}/memory", htmx=True, pg_forget="contact:points").text
    assert 'value="contact:points"' not in page


def test_the_clock_runs_ahead_and_the_window_closes(owner: Browser):
    send_text(owner, "!echo hi")
    assert "Window open" in owner.get(BENCH).text
    page = owner.post(f"{AT}/wait", htmx=True, pg_skip="25h").text
    assert "1 d 1 h passed" in page
    assert "Window closed" in page
    assert "WhatsApp would refuse" in page


def test_a_new_person_has_a_phone_and_a_memory_of_their_own(owner: Browser):
    owner.post(f"{AT}/memory", htmx=True, pg_scope="contact", pg_key="points", pg_value="3")
    page = owner.post(f"{AT}/act", htmx=True, act="person").text
    assert "Kofi" in page
    assert 'value="contact:points"' not in page
    assert "You set points" not in page
    assert "You set points" in owner.post(f"{AT}/act", htmx=True, act="open:p1").text


def test_a_group_says_who_writes(owner: Browser):
    page = owner.post(f"{AT}/act", htmx=True, act="group").text
    assert 'name="pg_as"' in page
    assert '<strong class="bubble-head pg-author">Mei</strong>' in send_text(owner, "!echo hi", pg_as="Mei")


def test_a_changed_draft_offers_a_replay_which_marks_what_changed(owner: Browser):
    send_text(owner, "!echo hi")
    send_text(owner, "nothing fits this")
    assert "The draft has changed since." not in owner.get(f"{AT}/", htmx=True).text
    save_script(owner, 'ctx.reply("New words")')
    assert "The draft has changed since." in owner.get(f"{AT}/", htmx=True).text
    page = owner.post(f"{AT}/act", htmx=True, act="replay").text
    assert "1 answer changed" in page
    assert list_runs(page)[:2] == ["Draft Differs Changed", "Live"]
    assert "The draft has changed since." not in page


def test_why_shows_how_an_answer_came_about(owner: Browser):
    save_script(owner, 'print("for the log")\nctx.reply("Well")\nboom')
    send_text(owner, "!echo hi")
    page = owner.get(f"{AT}/why/draft.1.0?command=echo", htmx=True).text
    assert "for the log" in page
    assert 'data-jump="source"' in page
    assert "Commands checked" in page
    assert owner.get(f"{AT}/why/draft.7.0").status_code == 404
    assert owner.get(f"{AT}/why/live.1.x").status_code == 404


def test_the_conversation_becomes_a_green_test(owner: Browser):
    refused = owner.post(f"{AT}/test", pg_phone="p1")
    assert refused.location.endswith("/playground/")
    send_text(owner, "!echo hi")
    send_text(owner, "!menu")
    answer = owner.post(f"{AT}/test", pg_phone="p1")
    assert answer.location.endswith("/brains/demo/tests/1")
    assert "Passed" in owner.get(answer.location).text


def test_beginning_again_forgets_what_was_said_and_keeps_the_phones(owner: Browser):
    send_text(owner, "!echo hi")
    owner.post(f"{AT}/act", htmx=True, act="person")
    page = owner.post(f"{AT}/act", htmx=True, act="reset").text
    assert "Kofi" in page
    assert list_runs(owner.post(f"{AT}/act", htmx=True, act="open:p1").text) == []


def test_the_phones_work_without_scripts(owner: Browser):
    answer = owner.post(f"{AT}/say", pg_text="!echo plain", pg_back="/brains/demo/commands/echo?")
    assert answer.location == ECHO
    assert "You said plain" in owner.get(answer.location).text
    assert owner.post(f"{AT}/say", pg_text="x", pg_back="//evil.example").location == f"{AT}/"
    assert owner.get(f"{AT}/").status_code == 200


def test_without_a_live_version_only_the_draft_answers(owner: Browser, services: Services):
    def unpublish(session: Any) -> None:
        session.get(Brain, 1).live_version_id = None

    services.database.write(unpublish)
    assert list_runs(send_text(owner, "!echo hi")) == ["Draft"]


def test_viewers_have_no_phone_and_each_operator_has_their_own(
    owner: Browser, sign_in: Callable[[Role], Browser]
):
    send_text(owner, "!echo hi")
    viewer, editor = sign_in(Role.VIEWER), sign_in(Role.EDITOR)
    assert viewer.post(f"{AT}/say", pg_text="x").status_code == 403
    assert 'id="playground"' in editor.get(BENCH).text
    seen = viewer.get(BENCH)
    assert seen.status_code == 200
    assert 'id="playground"' not in seen.text
    assert "You said hi" not in editor.get(BENCH).text
