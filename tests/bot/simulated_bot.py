"""A whole installation with a running worker, and people who write to its simulated number."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.bot.channels import simulator
from app.bot.channels.contract import Inbound, Person
from app.bot.channels.simulator import Envelope
from app.bot.connections import Wish
from app.bot.models import Chat, Contact, Message, Run
from app.bot.wiring import Bot
from app.brains import versions


def script(name: str, source: str, **more: Any) -> dict[str, Any]:
    """A command that runs a script when its name is said."""
    return {
        "id": f"c_{name}",
        "name": name,
        "trigger": {"kind": "exact", "texts": [name]},
        "action": {"kind": "script", "source": source},
        **more,
    }


def reply(name: str, template: str, **more: Any) -> dict[str, Any]:
    """A command that answers with a template when its name is said."""
    return script(name, "", **more) | {"action": {"kind": "reply", "template": template}}


class Town:
    """People are numbers; what they say is answered by one published brain."""

    def __init__(self, app: Flask, commands: Sequence[Mapping[str, Any]], **document: Any) -> None:
        self.bot: Bot = app.extensions["bot"]
        self.house = app.extensions["house"]
        self.database = self.house.database
        self.document = {"brain": "town", "title": "Town", "commands": list(commands), **document}
        self.brain_id, self.connection_id = self.database.write(self._make)
        self._said = 0

    def _make(self, session: Any) -> tuple[int, int]:
        brain = versions.create_brain(session, "town", "Town", self.document, 1)
        versions.publish(session, brain.id, "", None, 1, lambda _draft: [])
        wish = Wish("Phone", "simulator", "sim-town", {}, brain.id)
        return brain.id, self.bot.connections.create(session, wish, 1).id

    def item(self, who: int, text: str) -> Any:
        self._said += 1
        person = Person(phone=f"1555{who:06}", name=f"P{who}")
        return simulator.text(Envelope(f"sim.in.{self._said}", person, self.house.clock()), text)

    def say(self, *words: tuple[int, str]) -> None:
        """Let people say something, all in one delivery."""
        self.bot.accept_local(self.connection_id, [self.item(who, text) for who, text in words])

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let a worker serve the town meanwhile."""
        worker = self.bot.worker()
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def heard(self, who: int) -> list[Message]:
        """What was said to a person, in its order."""
        query = (
            select(Message)
            .join(Chat, Chat.id == Message.chat_id)
            .join(Contact, Contact.id == Chat.contact_id)
            .where(Contact.phone == f"1555{who:06}", Message.direction == "out", Message.state == "sent")
            .order_by(Message.id)
        )
        return self.all(query)

    def texts(self, who: int) -> list[str]:
        return [message.text for message in self.heard(who)]

    def runs(self) -> list[Run]:
        return self.all(select(Run).order_by(Run.id))

    def chat(self, who: int) -> Chat:
        query = select(Chat).join(Contact, Contact.id == Chat.contact_id)
        return self.all(query.where(Contact.phone == f"1555{who:06}"))[0]

    def all(self, query: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.scalars(query))


class Shop(Town):
    """A town whose number is one of the Cloud API."""

    def _make(self, session: Any) -> tuple[int, int]:
        brain_id, _ = super()._make(session)
        secrets = {"access_token": "EAAG", "app_secret": "abc", "verify_token": "word"}
        wish = Wish("Shop", "cloud", "106540352242922", secrets, brain_id, 0, 0)
        return brain_id, self.bot.connections.create(session, wish, 1).id

    def item(self, who: int, text: str) -> Inbound:
        self._said += 1
        person = Person(phone=f"1555{who:06}", name=f"P{who}")
        at = self.house.clock()
        return Inbound(f"wamid.{self._said}", person, kind="text", text=text, at=at, payload={})


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
