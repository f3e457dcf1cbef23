"""Turns as the worker runs them: published brains on stored messages, in the real sandbox."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.bot import claims, turns
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.connections import Wish
from app.bot.lease import Claim
from app.bot.models import Connection, Message, Run
from app.bot.programs import Programs
from app.brains import versions
from app.brains.models import BrainVersion
from app.brains.runtime import Runtime

ADA = Person(phone="15550001", name="Ada")
DOCUMENT: dict[str, Any] = {
    "brain": "shop",
    "title": "Shop",
    "commands": [
        {
            "id": "c1", "name": "echo", "trigger": {"kind": "command", "words": ["echo"]},
            "arguments": [{"name": "text", "type": "rest", "required": True}],
            "restrict": {"cooldown": {"per": "contact", "seconds": 60}},
            "action": {"kind": "reply", "template": "{{ sender.name }} said {{ args.text }}"},
        },
        {
            "id": "c2", "name": "menu", "trigger": {"kind": "exact", "texts": ["menu"]},
            "action": {"kind": "reply", "template": "Choose:", "buttons": ["Hours", "Price"]},
        },
        {
            "id": "c3", "name": "hours", "trigger": {"kind": "button", "ids": ["Hours"]},
            "action": {"kind": "reply", "template": "9 to 5", "quote": True},
        },
        {
            "id": "c4", "name": "broken", "trigger": {"kind": "exact", "texts": ["broken"]},
            "action": {"kind": "reply", "template": "one\n{{ nobody.knows }}"},
        },
    ],
}  # fmt: skip


class Shop:
    """A simulator connection whose turns a test runs by hand."""

    def __init__(self, app: Flask, document: dict[str, Any] | None) -> None:
        self.bot, self.house = app.extensions["bot"], app.extensions["house"]
        self.database = self.house.database
        self.programs = Programs(
            self.database, Runtime(self.bot.sandbox), self.house.clock, self.bot.capabilities
        )
        self.connection_id = self.database.write(lambda session: self._make(session, document))
        self._number = 0

    def _make(self, session: Any, document: dict[str, Any] | None) -> int:
        brain_id = None
        if document:
            brain_id = versions.create_brain(session, "shop", "Shop", document, 1).id
            versions.publish(session, brain_id, "", None, 1, lambda _draft: [])
        return self.bot.connections.create(
            session, Wish("Phone", "simulator", "sim-shop", {}, brain_id), 1
        ).id

    def envelope(self) -> Envelope:
        self._number += 1
        return Envelope(f"sim.in.{self._number}", ADA, self.house.clock())

    def answer(self, item: Any) -> list[Message]:
        """Take one item, run it, and return the replies that were stored."""
        self.bot.accept_local(self.connection_id, [item])
        wish = claims.Wish(Claim("test", 8, self.house.clock() + 5, 1), 1_000, self.bot.channels)
        work = self.database.writer.submit(claims.claim, wish).result()
        for ended in self.programs.run(work.jobs):
            self.database.writer.submit(turns.store, ended).result()
        with self.database.read() as session:
            query = select(Message).where(Message.parent_id == work.jobs[0].message["id"])
            replies = list(session.scalars(query))
        # As if they had been sent: the next message of the chat waits for that.
        self.database.write(
            lambda s: s.execute(update(Message).where(Message.direction == "out").values(state="sent"))
        )
        return replies

    def last_run(self) -> Run:
        with self.database.read() as session:
            return session.scalars(select(Run).order_by(Run.id.desc()).limit(1)).one()


@pytest.fixture
def shop(installation: Flask) -> Shop:
    return Shop(installation, DOCUMENT)


def test_a_command_answers_with_its_rendered_template(shop: Shop):
    replies = shop.answer(simulator.text(shop.envelope(), "!echo good morning"))
    assert [(r.text, r.kind, r.author) for r in replies] == [("Ada said good morning", "text", "brain")]
    run = shop.last_run()
    assert (run.outcome, run.command_id) == ("answered", "c1")


def test_a_cooldown_is_kept_and_named_in_the_trace(shop: Shop):
    assert shop.answer(simulator.text(shop.envelope(), "!echo one"))
    assert shop.answer(simulator.text(shop.envelope(), "!echo two")) == []
    run = shop.last_run()
    assert run.outcome == "silent"
    assert run.trace["considered"][-1]["verdict"] == "blocked"


def test_buttons_are_sent_and_their_press_is_a_trigger(shop: Shop):
    menu = shop.answer(simulator.text(shop.envelope(), "menu"))[0]
    assert [button["title"] for button in menu.payload["buttons"]] == ["Hours", "Price"]
    pressed = simulator.button(shop.envelope(), "Hours", "Hours")
    hours = shop.answer(pressed)[0]
    assert (hours.text, hours.quoted_id) == ("9 to 5", pressed.provider_id)


def test_a_failing_template_fails_only_its_turn_and_names_the_line(shop: Shop):
    assert shop.answer(simulator.text(shop.envelope(), "broken")) == []
    run = shop.last_run()
    assert (run.outcome, run.trace["error"]["line"]) == ("failed", 2)
    assert shop.answer(simulator.text(shop.envelope(), "menu"))


def test_without_a_brain_the_trace_says_so(installation: Flask):
    shop = Shop(installation, None)
    assert shop.answer(simulator.text(shop.envelope(), "menu")) == []
    assert shop.last_run().trace == {"reason": "The connection has no brain."}


def test_a_version_that_cannot_run_does_not_hold_up_others(shop: Shop):
    broken = {**DOCUMENT, "commands": [{"id": "x"}]}
    shop.database.write(lambda s: s.execute(update(BrainVersion).values(document=broken)))
    assert shop.answer(simulator.text(shop.envelope(), "menu")) == []
    assert "cannot run" in shop.last_run().trace["reason"]


def test_a_connection_that_is_switched_off_keeps_messages_without_answering(shop: Shop):
    shop.database.write(lambda s: s.execute(update(Connection).values(enabled=False)))
    assert shop.answer(simulator.text(shop.envelope(), "menu")) == []
