"""A connection, a brain and short ways to drive the pipeline's transactions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import claims, inbox, outbox, turns
from app.bot.channels.contract import Inbound, Item, Person, SendResult, Sent
from app.bot.inbox import Accepted, Delivery
from app.bot.lease import Claim
from app.bot.models import Chat, Connection, Message, Run
from app.bot.outbox import Completed, Completion, Order
from app.bot.people import Places
from app.bot.turns import Ended, Reply, Stored
from app.brains.models import Brain, BrainVersion
from app.writer import Database
from tests.conftest import Clock


@dataclass(frozen=True)
class Wire:
    """A channel for tests of the transactions: only what they ask of one."""

    window_hours: int | None = 24
    repeatable: bool = False


@dataclass
class Desk:
    """Drives the pipeline's transactions one by one, as a worker would."""

    database: Database
    clock: Clock
    connection_id: int
    places: Places = field(default_factory=Places)
    grace: int = 90_000

    def accept(self, *items: Item) -> Accepted:
        delivery = Delivery(
            [(self.connection_id, items)], (), self.clock(), self.clock() - 3_600_000, self.places
        )
        accepted = self.database.writer.submit(inbox.accept, delivery).result()
        self.places.learn(accepted.learned)
        return accepted

    def claim(self, owner: str = "w1", limit: int = 64) -> claims.Work:
        wish = claims.Wish(Claim(owner, limit, self.clock(), 30_000), self.grace, {"cloud": Wire()})
        return self.database.writer.submit(claims.claim, wish).result()

    def store(self, job: claims.Job, *texts: str, **more: Any) -> Stored:
        """Store a turn that answered with `texts`; `more` are further fields of Ended."""
        run = {
            "message_id": job.message["id"],
            "chat_id": job.lease.chat_id,
            "brain_id": None,
            "version_id": None,
            "command_id": None,
            "outcome": "answered",
            "trace": {},
            "micros": 1,
            "journal": {"now": 1},
            "digest": "d",
            "created_at": self.clock(),
            **more.pop("run", {}),
        }
        more.setdefault("replies", tuple(Reply({"kind": "text", "text": text}, text) for text in texts))
        message = job.message
        ended = Ended(
            job.lease, job.sending, message["id"], message["provider_id"], run, self.clock(), **more
        )
        return self.database.writer.submit(turns.store, ended).result()

    def complete(self, order: Order, result: SendResult) -> Completed:
        done = Completion(order, result, self.clock(), 0.5)
        return self.database.writer.submit(outbox.complete, done).result()

    def answer(self, text: str = "yes") -> Order:
        """Claim, answer and send one message; returns the order that was sent."""
        stored = self.store(self.claim().jobs[0], text)
        assert stored.order
        self.complete(stored.order, Sent(f"wamid.out.{stored.order.key}"))
        return stored.order

    def read(self, query: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.execute(query).mappings())

    def messages(self, direction: str = "out") -> list[Any]:
        with self.database.read() as session:
            query = select(Message).where(Message.direction == direction).order_by(Message.id)
            return list(session.scalars(query))

    def turn(self, number: int, *texts: str, **more: Any) -> Stored:
        """Take a message, claim it and store a turn for it."""
        self.accept(inbound(number, self.clock))
        return self.store(self.claim().jobs[0], *texts, **more)

    def runs(self) -> list[Run]:
        with self.database.read() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def make_brain(self, document: dict[str, Any] | None = None) -> int:
        """Store a brain; with a document also its first version, which is live."""

        def make(session: Session) -> int:
            brain = Brain(slug="shop", title="Shop", draft={}, created_at=1, updated_at=1)
            session.add(brain)
            session.flush()
            if document:
                version = BrainVersion(brain_id=brain.id, number=1, hash="", document=document, created_at=1)
                session.add(version)
                session.flush()
                brain.live_version_id = version.id
            return brain.id

        return self.database.write(make)

    def chat(self) -> Chat:
        with self.database.read() as session:
            return session.scalars(select(Chat)).one()

    def change(self, job: Callable[[Session], Any]) -> Any:
        return self.database.write(job)


def inbound(number: int, clock: Clock, phone: str = "15550001", **more: Any) -> Inbound:
    facts: dict[str, Any] = {"kind": "text", "text": f"hello {number}", "at": clock(), "payload": {}}
    person = more.pop("person", Person(None, phone, "Ada"))
    return Inbound(f"wamid.{phone}.{number}", person, **{**facts, **more})


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    def make(session: Session) -> int:
        connection = Connection(
            name="Test",
            channel="cloud",
            account="100",
            config={},
            messages_per_second=0,
            pair_burst=0,
            created_at=clock(),
        )
        session.add(connection)
        session.flush()
        return connection.id

    return Desk(database, clock, database.write(make))
