"""A rehearsal on its pages: begun, watched, cancelled, and what it found."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot.models import Connection
from app.brains.versions import store
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser
from tests.bot.simulated_bot import wait_until

PAGE = "/brains/demo/rehearsal/"


@pytest.fixture
def send_and_answer(
    app: Flask, services: Services, simulated_connection: Connection
) -> Iterator[Callable[..., None]]:
    """Let people say things that the live version answers."""
    services = app.extensions["services"]
    worker = services.build_worker()
    worker.start()

    def say(*words: str) -> None:
        person = Person(phone="15550100001", name="Ada <b>")
        items = [
            channel.build_text(Envelope(f"in.{n}", person, services.clock()), text)
            for n, text in enumerate(words)
        ]
        services.receive_local(simulated_connection.id, items)
        with app.app_context():
            wait_until(lambda: _pending(services) == 0)

    yield say
    worker.stop()
    services.rehearsals.close()


def _pending(services: Services) -> int:
    from sqlalchemy import func, select  # noqa: PLC0415  used here alone

    from app.bot.models import Chat  # noqa: PLC0415  the same

    with services.database.read() as session:
        return session.scalar(select(func.sum(Chat.pending))) or 0


def edit_echo(services: Services, brain: Any, template: str) -> None:
    def edit(session: Any) -> None:
        there = store.get_brain(session, brain.id)
        commands = [dict(each) for each in there.draft["commands"]]
        echo = next(each for each in commands if each["id"] == "echo")
        echo["action"] = {"kind": "reply", "template": template}
        store.save_draft(
            session, brain.id, {**there.draft, "commands": commands}, there.draft_rev, services.clock()
        )

    services.database.write(edit)


def wait_for_page(browser: Browser, address: str) -> str:
    """Follow a rehearsal as its page does, and return what it shows in the end."""
    wait_until(lambda: browser.get(address, htmx=True).headers.get("HX-Redirect"))
    return browser.get(address).text


def test_a_rehearsal_lists_exactly_what_changes(
    owner: Browser, services: Services, demo_brain: Any, send_and_answer: Callable[..., None]
):
    send_and_answer("!echo one", "!menu", "!echo <two>", "nothing")
    edit_echo(services, demo_brain, "You wrote {{ args.text }}")
    assert "The last 1,000 messages" in owner.get(PAGE).text
    answer = owner.post(PAGE, count="50")
    assert answer.status_code == 302
    page = wait_for_page(owner, answer.location)
    assert page.count('<li class="change">') == 2
    assert "&lt;two&gt;" in page
    assert "Ada &lt;b&gt;" in page
    assert re.search(r'/chats/1\?start=1#m1"', page)
    assert '<ins class="diff-new">' in page
    assert "of 4 messages" in page
    assert "Run time" in page
    assert "See your last test on past messages" in owner.get(PAGE).text
    assert "Changed</span>" in owner.get(f"{answer.location}?kind=changed").text
    assert '<li class="change">' not in owner.get(f"{answer.location}?kind=failing").text


def test_nothing_changes_and_nobody_wrote_both_say_so(
    owner: Browser, send_and_answer: Callable[..., None], demo_brain: Any
):
    assert demo_brain
    assert "No messages yet" in wait_for_page(owner, owner.post(PAGE).location)
    send_and_answer("!echo one")
    assert "Nothing changes for any of these messages" in wait_for_page(owner, owner.post(PAGE).location)


def test_a_running_rehearsal_shows_how_far_it_is_and_can_be_cancelled(
    app: Flask, owner: Browser, send_and_answer: Callable[..., None]
):
    send_and_answer("!echo one")
    address = owner.post(PAGE).location
    rehearsals = app.extensions["services"].rehearsals
    job = rehearsals.find(1, address.rsplit("/", 1)[1])
    wait_until(lambda: job.state == "done")
    # As it stands halfway: what a page sees of it is the job's state alone.
    finished_future, job.future = job.future, None
    page = owner.get(address, htmx=True).text
    assert "1 of 1 messages" in page
    assert "<progress" in page
    assert "/cancel" in owner.get(address).text
    owner.post(f"{address}/cancel")
    job.future = finished_future
    assert "Cancelled after 1 message." in owner.get(address).text


def test_a_draft_that_cannot_run_and_an_unknown_rehearsal_are_told(
    owner: Browser, services: Services, demo_brain: Any
):
    edit_echo(services, demo_brain, "")
    answer = owner.post(PAGE)
    assert (answer.status_code, "to repair" in answer.text) == (422, True)
    assert "no longer kept" in owner.get(f"{PAGE}unknown").text
    assert owner.post(f"{PAGE}unknown/cancel").status_code == 302


def test_viewers_do_not_rehearse(sign_in: Callable[[Role], Browser], demo_brain: Any):
    assert demo_brain
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(PAGE).status_code == 403
    assert viewer.post(PAGE).status_code == 403
