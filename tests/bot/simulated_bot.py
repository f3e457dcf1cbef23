"""A whole installation with a running worker, and people who write to its simulated number."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.bot.connections.store import ConnectionInput
from app.bot.models import Chat, Contact, Message, Run
from app.brains.versions import store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.store import DraftReview
from app.channels.contract import InboundMessage, Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services


def build_script_command(name: str, source: str, **more: Any) -> dict[str, Any]:
    """A command that runs a script when its name is said."""
    return {
        "id": f"c_{name}",
        "name": name,
        "trigger": {"kind": "exact", "texts": [name]},
        "action": {"kind": "script", "source": source},
        **more,
    }


def build_reply_command(name: str, template: str, **more: Any) -> dict[str, Any]:
    """A command that answers with a template when its name is said."""
    return build_script_command(name, "", **more) | {"action": {"kind": "reply", "template": template}}


class SimulatedBot:
    """A simulated connection with one published brain; contacts are numbers."""

    def __init__(self, app: Flask, commands: Sequence[Mapping[str, Any]], **document: Any) -> None:
        self.services: Services = app.extensions["services"]
        self.services = app.extensions["services"]
        self.database = self.services.database
        self.document = {"brain": "town", "title": "Town", "commands": list(commands), **document}
        self.brain_id, self.connection_id = self.database.write(self._create)
        self._said = 0

    def _create(self, session: Any) -> tuple[int, int]:
        brain = store.create_brain(session, "town", "Town", self.document, 1)
        trained = train_intents(self.document)
        store.publish(session, brain.id, "", None, 1, DraftReview(trained=trained))
        fields = ConnectionInput("Phone", "simulator", "sim-town", {}, brain.id)
        return brain.id, self.services.connections.create(session, fields, 1).id

    def build_item(self, who: int, text: str) -> Any:
        self._said += 1
        person = Person(phone=f"1555{who:06}", name=f"P{who}")
        return channel.build_text(Envelope(f"sim.in.{self._said}", person, self.services.clock()), text)

    def say(self, *words: tuple[int, str]) -> None:
        """Let people say something, all in one delivery."""
        self.services.receive_local(self.connection_id, [self.build_item(who, text) for who, text in words])

    @contextmanager
    def run_worker(self) -> Iterator[None]:
        """Run a worker that serves the bot meanwhile."""
        worker = self.services.build_worker()
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def list_replies(self, who: int) -> list[Message]:
        """What was said to a person, in its order."""
        query = (
            select(Message)
            .join(Chat, Chat.id == Message.chat_id)
            .join(Contact, Contact.id == Chat.contact_id)
            .where(Contact.phone == f"1555{who:06}", Message.direction == "out", Message.state == "sent")
            .order_by(Message.id)
        )
        return self.select_all(query)

    def list_reply_texts(self, who: int) -> list[str]:
        return [message.text for message in self.list_replies(who)]

    def list_runs(self) -> list[Run]:
        return self.select_all(select(Run).order_by(Run.id))

    def get_chat(self, who: int) -> Chat:
        query = select(Chat).join(Contact, Contact.id == Chat.contact_id)
        return self.select_all(query.where(Contact.phone == f"1555{who:06}"))[0]

    def select_all(self, query: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.scalars(query))


class CloudBot(SimulatedBot):
    """A bot whose number is one of the Cloud API."""

    def _create(self, session: Any) -> tuple[int, int]:
        brain_id, _ = super()._create(session)
        secrets = {"access_token": "EAAG", "app_secret": "abc", "verify_token": "word"}
        fields = ConnectionInput("Shop", "cloud", "106540352242922", secrets, brain_id, 0, 0)
        return brain_id, self.services.connections.create(session, fields, 1).id

    def build_item(self, who: int, text: str) -> InboundMessage:
        self._said += 1
        person = Person(phone=f"1555{who:06}", name=f"P{who}")
        at = self.services.clock()
        return InboundMessage(f"wamid.{self._said}", person, kind="text", text=text, at=at, payload={})


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
