"""The effect of changed intents on its page: begun, watched, cancelled, and what moved."""

import re
from collections.abc import Callable
from typing import Any

from app.accounts.roles import Role
from app.brains.versions import store
from app.services import Services
from tests.admin.brains.test_rehearsal import wait_for_page
from tests.admin.browser import Browser
from tests.admin.learning.test_views import ODD, list_values
from tests.bot.simulated_bot import wait_until

PAGE = "/brains/demo/learning/effect/"


def test_the_scores_that_moved_and_the_messages_that_go_elsewhere_are_shown(
    owner: Browser, say: Callable[..., None]
):
    say(*ODD, "where is my order", "menu")
    owner.post(
        "/brains/demo/learning/new",
        message=list_values(owner.get("/brains/demo/learning/").text),
        name="parrot",
    )
    answer = owner.post(PAGE)
    assert answer.status_code == 302
    page = wait_for_page(owner, answer.location)
    assert "3 of 4 messages" in page
    assert page.count('<li class="change">') == 3
    assert "&lt;i&gt;loud" in page
    assert re.search(r'href="/chats/1\?start=\d+#m\d+"', page)
    assert re.search(r"<code>parrot</code></th><td>–</td><td>[\d.]+ %</td><td>–</td>", page)
    assert re.search(r"Right intent .*?</th><td>[\d.]+ %</td><td>[\d.]+ %</td>", page)
    assert "The draft has changed since" not in page
    assert owner.get(f"{answer.location}?route=>parrot").text.count('<li class="change">') == 3
    owner.post("/brains/demo/settings", part="general", title="Renamed")
    assert "The draft has changed since" in owner.get(answer.location).text


def test_the_same_intents_move_nothing(owner: Browser, say: Callable[..., None]):
    say("where is my order")
    page = wait_for_page(owner, owner.post(PAGE).location)
    assert "None of 1 message changes its intent." in page
    assert page.count("±0") == 7


def test_a_running_comparison_shows_how_far_it_is_and_can_be_cancelled(
    owner: Browser, services: Services, shop: Any
):
    assert shop
    address = owner.post(PAGE).location
    job = services.intent_effects.find(1, address.rsplit("/", 1)[1])
    assert job
    wait_until(lambda: job.state == "done")
    # As it stands halfway: what a page sees of it is the job's state alone.
    finished, job.future = job.future, None
    assert "<progress" in owner.get(address, htmx=True).text
    assert "/cancel" in owner.get(address).text
    owner.post(f"{address}/cancel")
    job.future = finished
    assert "The comparison was cancelled." in owner.get(address).text
    services.intent_effects.close()


def test_what_cannot_be_trained_and_an_unknown_comparison_are_told(
    owner: Browser, services: Services, demo_brain: Any
):
    assert "The draft has no intents to train." in owner.post(PAGE).text

    def edit(session: Any) -> None:
        there = store.get_brain(session, demo_brain.id)
        draft = {**there.draft, "intents": [{"name": "refund", "examples": ["refund"]}]}
        store.save_draft(session, there.id, draft, there.draft_rev, services.clock())

    services.database.write(edit)
    assert "Write at least two examples." in wait_for_page(owner, owner.post(PAGE).location)
    assert "no longer kept" in owner.get(f"{PAGE}unknown").text
    assert owner.post(f"{PAGE}unknown/cancel").status_code == 302
    services.intent_effects.close()


def test_viewers_do_not_compare(sign_in: Callable[[Role], Browser], demo_brain: Any):
    assert demo_brain
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(PAGE).status_code == 403
    assert viewer.post(PAGE).status_code == 403
