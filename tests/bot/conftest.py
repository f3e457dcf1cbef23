"""A connection, a brain and short ways to drive the pipeline's transactions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.contact_cache import ContactCache
from app.bot.delivery import outbox
from app.bot.delivery.outbox import Completion, CompletionResult, SendJob
from app.bot.ingest.inbox import InboundBatch, Inbox, IngestResult
from app.bot.lease import LeaseRequest
from app.bot.models import Chat, Connection, Message, Run
from app.bot.turns import claim as turn_claim
from app.bot.turns import commit
from app.bot.turns.commit import CommitResult
from app.bot.turns.result import TurnResult, build_reply_rows
from app.brains.effects.model import Reply
from app.brains.versions.models import Brain, BrainVersion
from app.channels.cloud import CloudChannel
from app.channels.contract import InboundMessage, Item, Person, SendRefusal, SendResult, SendSuccess
from app.db.writer import Database
from tests.conftest import Clock


@dataclass(frozen=True)
class FakeChannel:
    """A channel for tests of the transactions: only what they ask of one."""

    window_refusal: SendRefusal | None = CloudChannel.window_refusal
    is_idempotent: bool = False
    is_simulated: bool = False


@dataclass
class Pipeline:
    """Drives the pipeline's transactions one by one, as a worker would."""

    database: Database
    clock: Clock
    connection_id: int
    places: ContactCache = field(default_factory=ContactCache)
    grace: int = 90_000

    def ingest(self, *items: Item) -> IngestResult:
        batch = InboundBatch([(self.connection_id, items)], received_at=self.clock())
        accepted = self.database.writer.submit(Inbox(3_600_000, self.places).ingest, batch).result()
        self.places.add(accepted.new_contacts)
        return accepted

    def claim(self, owner: str = "w1", limit: int = 64) -> turn_claim.ClaimResult:
        request = turn_claim.ClaimRequest(
            LeaseRequest(owner, limit, self.clock(), 30_000), self.grace, {"cloud": FakeChannel()}
        )
        return self.database.writer.submit(turn_claim.claim_chats, request).result()

    def commit(self, job: turn_claim.Job, *texts: str, **more: Any) -> CommitResult:
        """Store a turn that answered with `texts` or `effects`; `more` are further fields of TurnResult."""
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
        effects = more.pop("effects", [Reply(text) for text in texts])
        more.setdefault("replies", build_reply_rows(job, run, effects))
        message = job.message
        ended = TurnResult(
            job.lease, job.target, message["id"], message["provider_id"], run, self.clock(), **more
        )
        return self.database.writer.submit(commit.commit_turns, ended).result()

    def complete(self, order: SendJob, result: SendResult) -> CompletionResult:
        done = Completion(order, result, self.clock(), 0.5)
        return self.database.writer.submit(outbox.complete, done).result()

    def answer(self, text: str = "yes") -> SendJob:
        """Claim, answer and send one message; returns the order that was sent."""
        stored = self.commit(self.claim().jobs[0], text)
        assert stored.send_job
        self.complete(stored.send_job, SendSuccess(f"wamid.out.{stored.send_job.key}"))
        return stored.send_job

    def select_rows(self, query: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.execute(query).mappings())

    def list_messages(self, direction: str = "out") -> list[Any]:
        with self.database.read() as session:
            query = select(Message).where(Message.direction == direction).order_by(Message.id)
            return list(session.scalars(query))

    def run_turn(self, number: int, *texts: str, **more: Any) -> CommitResult:
        """Take a message, claim it and store a turn for it."""
        self.ingest(build_inbound(number, self.clock))
        return self.commit(self.claim().jobs[0], *texts, **more)

    def list_runs(self) -> list[Run]:
        with self.database.read() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def create_brain(self, document: dict[str, Any] | None = None) -> int:
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

    def get_chat(self) -> Chat:
        with self.database.read() as session:
            return session.scalars(select(Chat)).one()

    def write(self, job: Callable[[Session], Any]) -> Any:
        return self.database.write(job)


def build_inbound(number: int, clock: Clock, phone: str = "15550001", **more: Any) -> InboundMessage:
    facts: dict[str, Any] = {"kind": "text", "text": f"hello {number}", "at": clock(), "payload": {}}
    person = more.pop("person", Person(None, phone, "Ada"))
    return InboundMessage(f"wamid.{phone}.{number}", person, **{**facts, **more})


@pytest.fixture
def pipeline(database: Database, clock: Clock) -> Pipeline:
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

    return Pipeline(database, clock, database.write(make))
