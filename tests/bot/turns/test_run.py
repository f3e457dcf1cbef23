"""Turns as the worker runs them: published brains on stored messages, in the real sandbox."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.bot.connections.store import ConnectionInput
from app.bot.lease import LeaseRequest
from app.bot.models import Connection, Message, Run
from app.bot.turns import claim, commit
from app.bot.turns.run import TurnRunner
from app.brains.runtime.runtime import Runtime
from app.brains.versions import store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.models import BrainVersion
from app.brains.versions.store import DraftReview
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope

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


class InProcessRunner:
    """A simulator connection whose turns a test runs by hand."""

    def __init__(self, app: Flask, document: dict[str, Any] | None) -> None:
        self.services = app.extensions["services"]
        self.database = self.services.database
        self.programs = TurnRunner(
            self.database, Runtime(self.services.sandbox), self.services.clock, self.services.capabilities
        )
        self.connection_id = self.database.write(lambda session: self._create(session, document))
        self._number = 0

    def _create(self, session: Any, document: dict[str, Any] | None) -> int:
        brain_id = None
        if document:
            brain_id = store.create_brain(session, "shop", "Shop", document, 1).id
            trained = train_intents(document)
            store.publish(session, brain_id, "", None, 1, DraftReview(trained=trained))
        return self.services.connections.create(
            session, ConnectionInput("Phone", "simulator", "sim-shop", {}, brain_id), 1
        ).id

    def build_envelope(self) -> Envelope:
        self._number += 1
        return Envelope(f"sim.in.{self._number}", ADA, self.services.clock())

    def answer(self, item: Any) -> list[Message]:
        """Take one item, run it, and return the replies that were stored."""
        self.services.receive_local(self.connection_id, [item])
        request = claim.ClaimRequest(
            LeaseRequest("test", 8, self.services.clock() + 5, 1), 1_000, self.services.channels
        )
        work = self.database.writer.submit(claim.claim_chats, request).result()
        for ended in self.programs.run(work.jobs):
            self.database.writer.submit(commit.commit_turns, ended).result()
        with self.database.read() as session:
            query = select(Message).where(Message.parent_id == work.jobs[0].message["id"])
            replies = list(session.scalars(query))
        # As if they had been sent: the next message of the chat waits for that.
        self.database.write(
            lambda s: s.execute(update(Message).where(Message.direction == "out").values(state="sent"))
        )
        return replies

    def get_last_run(self) -> Run:
        with self.database.read() as session:
            return session.scalars(select(Run).order_by(Run.id.desc()).limit(1)).one()


@pytest.fixture
def runner(installation: Flask) -> InProcessRunner:
    return InProcessRunner(installation, DOCUMENT)


def test_a_command_answers_with_its_rendered_template(runner: InProcessRunner):
    replies = runner.answer(channel.build_text(runner.build_envelope(), "!echo good morning"))
    assert [(r.text, r.kind, r.author) for r in replies] == [("Ada said good morning", "text", "brain")]
    run = runner.get_last_run()
    assert (run.outcome, run.command_id) == ("answered", "c1")


def test_a_cooldown_is_kept_and_named_in_the_trace(runner: InProcessRunner):
    assert runner.answer(channel.build_text(runner.build_envelope(), "!echo one"))
    assert runner.answer(channel.build_text(runner.build_envelope(), "!echo two")) == []
    run = runner.get_last_run()
    assert run.outcome == "silent"
    assert run.trace["considered"][-1]["verdict"] == "blocked"


def test_buttons_are_sent_and_their_press_is_a_trigger(runner: InProcessRunner):
    menu = runner.answer(channel.build_text(runner.build_envelope(), "menu"))[0]
    assert [button["title"] for button in menu.payload["buttons"]] == ["Hours", "Price"]
    pressed = channel.build_button_reply(runner.build_envelope(), "Hours", "Hours")
    hours = runner.answer(pressed)[0]
    assert (hours.text, hours.quoted_id) == ("9 to 5", pressed.provider_id)


def test_a_failing_template_fails_only_its_turn_and_names_the_line(runner: InProcessRunner):
    assert runner.answer(channel.build_text(runner.build_envelope(), "broken")) == []
    run = runner.get_last_run()
    assert (run.outcome, run.trace["error"]["line"]) == ("failed", 2)
    assert runner.answer(channel.build_text(runner.build_envelope(), "menu"))


def test_without_a_brain_the_trace_says_so(installation: Flask):
    runner = InProcessRunner(installation, None)
    assert runner.answer(channel.build_text(runner.build_envelope(), "menu")) == []
    assert runner.get_last_run().trace == {
        "version": 2,
        "cause": "no_brain",
        "reason": "The connection has no brain.",
    }


def test_a_version_that_cannot_run_does_not_hold_up_others(runner: InProcessRunner):
    broken = {**DOCUMENT, "commands": [{"id": "x"}]}
    runner.database.write(lambda s: s.execute(update(BrainVersion).values(document=broken)))
    assert runner.answer(channel.build_text(runner.build_envelope(), "menu")) == []
    assert "cannot run" in runner.get_last_run().trace["reason"]


def test_a_connection_that_is_switched_off_keeps_messages_without_answering(runner: InProcessRunner):
    runner.database.write(lambda s: s.execute(update(Connection).values(enabled=False)))
    assert runner.answer(channel.build_text(runner.build_envelope(), "menu")) == []
