"""A rehearsal on its pages: begun, watched, cancelled, and what it found."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask

from app.accounts import Role
from app.admin.effect_lines import written
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.models import Connection
from app.brains import effects, versions
from app.web import House
from tests.bot.town import until

PAGE = "/brains/demo/rehearsal/"


@pytest.fixture
def heard(app: Flask, house: House, phone: Connection) -> Iterator[Callable[..., None]]:
    """Let people say things that the live version answers."""
    bot = app.extensions["bot"]
    worker = bot.worker()
    worker.start()

    def say(*words: str) -> None:
        person = Person(phone="15550100001", name="Ada <b>")
        items = [
            simulator.text(Envelope(f"in.{n}", person, house.clock()), text) for n, text in enumerate(words)
        ]
        bot.accept_local(phone.id, items)
        with app.app_context():
            until(lambda: _pending(house) == 0)

    yield say
    worker.stop()
    bot.rehearsals.close()


def _pending(house: House) -> int:
    from sqlalchemy import func, select  # noqa: PLC0415  used here alone

    from app.bot.models import Chat  # noqa: PLC0415  the same

    with house.database.read() as session:
        return session.scalar(select(func.sum(Chat.pending))) or 0


def edit_echo(house: House, brain: Any, template: str) -> None:
    def edit(session: Any) -> None:
        there = versions.get_brain(session, brain.id)
        commands = [dict(each) for each in there.draft["commands"]]
        echo = next(each for each in commands if each["id"] == "echo")
        echo["action"] = {"kind": "reply", "template": template}
        versions.save_draft(
            session, brain.id, {**there.draft, "commands": commands}, there.draft_rev, house.clock()
        )

    house.database.write(edit)


def finished(browser: Browser, address: str) -> str:
    """Follow a rehearsal as its page does, and return what it shows in the end."""
    until(lambda: browser.get(address, htmx=True).headers.get("HX-Redirect"))
    return browser.get(address).text


def test_a_rehearsal_lists_exactly_what_changes(
    owner: Browser, house: House, brain: Any, heard: Callable[..., None]
):
    heard("!echo one", "!menu", "!echo <two>", "nothing")
    edit_echo(house, brain, "You wrote {{ args.text }}")
    assert "The last 1,000 messages" in owner.get(PAGE).text
    answer = owner.post(PAGE, count="50")
    assert answer.status_code == 302
    page = finished(owner, answer.location)
    assert page.count('<li class="change">') == 2
    assert "&lt;two&gt;" in page
    assert "Ada &lt;b&gt;" in page
    assert re.search(r'/chats/1\?start=1#m1"', page)
    assert '<ins class="diff-new">' in page
    assert "of 4 messages" in page
    assert "Run time" in page
    assert "See your last rehearsal" in owner.get(PAGE).text
    assert "Changed</span>" in owner.get(f"{answer.location}?kind=changed").text
    assert '<li class="change">' not in owner.get(f"{answer.location}?kind=failing").text


def test_nothing_changes_and_nobody_wrote_both_say_so(owner: Browser, heard: Callable[..., None], brain: Any):
    assert brain
    assert "No messages yet" in finished(owner, owner.post(PAGE).location)
    heard("!echo one")
    assert "Nothing changes for any of these messages" in finished(owner, owner.post(PAGE).location)


def test_a_running_rehearsal_shows_how_far_it_is_and_can_be_cancelled(
    app: Flask, owner: Browser, heard: Callable[..., None]
):
    heard("!echo one")
    address = owner.post(PAGE).location
    rehearsals = app.extensions["bot"].rehearsals
    job = rehearsals.find(1, address.rsplit("/", 1)[1])
    until(lambda: job.state == "done")
    # As it stands halfway: what a page sees of it is the job's state alone.
    finished_future, job.future = job.future, None
    page = owner.get(address, htmx=True).text
    assert "1 of 1 messages" in page
    assert "<progress" in page
    assert "/cancel" in owner.get(address).text
    owner.post(f"{address}/cancel")
    job.future = finished_future
    assert "Cancelled after 1 message." in owner.get(address).text


def test_a_draft_that_cannot_run_and_an_unknown_rehearsal_are_told(owner: Browser, house: House, brain: Any):
    edit_echo(house, brain, "")
    answer = owner.post(PAGE)
    assert (answer.status_code, "to repair" in answer.text) == (422, True)
    assert "not kept any more" in owner.get(f"{PAGE}unknown").text
    assert owner.post(f"{PAGE}unknown/cancel").status_code == 302


def test_viewers_do_not_rehearse(sign_in: Callable[[Role], Browser], brain: Any):
    assert brain
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(PAGE).status_code == 403
    assert viewer.post(PAGE).status_code == 403


def test_effects_are_written_as_lines():
    menu = effects.Menu(
        "Pick", (effects.Section("", (effects.Row("a", "A", "first"), effects.Row("b", "B"))),)
    )
    decided = [
        effects.Reply("Hi", effects.named_buttons(["Yes", "No"]), quote=True, header="Head", footer="Foot"),
        effects.Reply("Choose", menu=menu),
        effects.Media("image", "https://x.example/a.png", "A cat", "a.png"),
        effects.Media("audio", "https://x.example/a.ogg", voice=True),
        effects.React("👍"),
        effects.React(""),
        effects.Remember("contact", "n", 1),
        effects.Schedule("c1", 2_000),
    ]
    assert written(decided, {"c1": "Later"}, 1_000).split("\n") == [
        "Head", "Hi", "Foot", "Quotes the message", "Buttons: Yes, No", "Choose", "List “Pick”: A (first), B",
        "Photo: a.png https://x.example/a.png", "A cat", "Voice message: https://x.example/a.ogg",
        "Reacts with 👍", "Takes its reaction back", "Remembers n = 1 for this contact", "Runs “Later” in 1 s",
    ]  # fmt: skip
