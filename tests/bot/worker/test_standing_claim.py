"""A claim that stands ready goes along with the transaction that makes chats ready, and is asked for otherwise."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text

from app.bot.ingest.inbox import IngestResult
from app.bot.lease import LeaseRequest
from app.bot.turns.claim import ClaimRequest, ClaimResult
from app.bot.worker.standing_claim import StandingClaim
from app.db.writer import WriterClosedError
from tests.bot.conftest import FakeChannel, Pipeline, build_inbound

LONG_S = 10.0


class Claims:
    """A standing claim with a thread that waits, as a dispatcher's does; `limit` None: nothing can be served."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.limit: int | None = 64
        self.channels: dict[str, object] = {"cloud": FakeChannel()}
        self.requests = 0
        self.standing = StandingClaim(pipeline.database.writer, self.build_request)
        self.thread = ThreadPoolExecutor(1)

    def build_request(self) -> ClaimRequest | None:
        if self.limit is None:
            return None
        self.requests += 1
        lease = LeaseRequest("w1", self.limit, self.pipeline.clock(), 30_000)
        return ClaimRequest(lease, 90_000, self.channels)  # type: ignore[arg-type]

    def wait(self, timeout: float = LONG_S) -> "Future[ClaimResult | None]":
        """Wait in the thread; returns when it does."""
        future = self.thread.submit(self.standing.wait, timeout)
        while not self.standing.is_waiting and not future.done():
            time.sleep(0.001)
        return future

    def receive(self, number: int, text: str) -> IngestResult:
        """Take in a message of the person of this number."""
        item = build_inbound(number, self.pipeline.clock, phone=f"1555000{number}", text=text)
        return self.pipeline.ingest(item)

    def settle(self) -> None:
        """Let the first wait find out that nothing is there, so that the next stands ready."""
        self.standing.ask()
        assert self.wait().result(LONG_S) is not None


@pytest.fixture
def claims(pipeline: Pipeline) -> Iterator[Claims]:
    made = Claims(pipeline)
    yield made
    made.standing.close()
    made.thread.shutdown()


def list_texts(work: ClaimResult | None) -> list[str]:
    return [job.message["text"] for job in work.jobs] if work else []


def test_a_claim_goes_along_with_the_transaction_that_makes_a_chat_ready(claims: Claims):
    claims.settle()
    waiting, writer = claims.wait(), claims.pipeline.database.writer
    before = writer.commit_count
    claims.receive(1, "hello")
    if not writer.shares_transactions:
        claims.standing.ask_after_commit()
    assert list_texts(waiting.result(LONG_S)) == ["hello"]
    assert writer.commit_count == before + (1 if writer.shares_transactions else 2)


def test_being_told_of_a_commit_that_a_claim_went_along_with_asks_for_no_other(claims: Claims):
    claims.settle()
    waiting = claims.wait()
    claims.receive(1, "hello")
    claims.standing.ask_after_commit()
    assert waiting.result(LONG_S)
    # The next one to wait claims once more where commits have happened meanwhile, else it stands ready.
    again = claims.wait()
    claims.receive(2, "again")
    claims.standing.ask_after_commit()
    assert list_texts(again.result(LONG_S)) == ["again"]


def test_what_became_ready_while_nobody_waited_is_claimed_by_the_next_wait(claims: Claims):
    claims.settle()
    claims.receive(1, "hello")
    claims.standing.ask_after_commit()
    assert list_texts(claims.wait().result(LONG_S)) == ["hello"]


def test_writes_that_make_nothing_ready_wake_nobody(claims: Claims):
    claims.settle()
    waiting = claims.wait()
    for _ in range(5):
        claims.pipeline.database.writer.run(lambda db: db.execute(text("SELECT 1")))
    assert not waiting.done()
    claims.standing.ask()
    result = waiting.result(LONG_S)
    assert result is not None
    assert result.claimed_count == 0, "who asks is answered, so that the thread can look around"


def test_after_its_time_a_wait_looks_for_work_itself(claims: Claims):
    claims.settle()
    result = claims.wait(0.01).result(LONG_S)
    assert result is not None
    assert result.claimed_count == 0


def test_a_full_claim_is_followed_by_another_at_once(claims: Claims):
    claims.settle()
    claims.limit = 1
    for number in range(1, 4):
        claims.receive(number, f"from {number}")
    claims.standing.ask_after_commit()
    found = [text for _ in range(3) for text in list_texts(claims.wait().result(LONG_S))]
    assert sorted(found) == ["from 1", "from 2", "from 3"]


def test_nothing_is_claimed_while_nothing_can_be_served(claims: Claims):
    claims.settle()
    claims.limit = None
    claims.receive(1, "hello")
    assert claims.wait(0.01).result(LONG_S) is None
    claims.limit = 64
    claims.standing.ask()
    assert list_texts(claims.wait().result(LONG_S)) == ["hello"]


def test_a_claim_that_fails_undoes_nothing_it_went_along_with_and_is_told(claims: Claims):
    claims.settle()
    claims.channels = {}
    waiting = claims.wait()
    accepted = claims.receive(1, "hello")
    assert accepted.ready_chats, "the message is stored all the same"
    claims.standing.ask()
    with pytest.raises(KeyError):
        waiting.result(LONG_S)
    claims.channels = {"cloud": FakeChannel()}
    claims.standing.ask()
    assert list_texts(claims.wait().result(LONG_S)) == ["hello"]


def test_a_wait_can_be_interrupted_and_after_the_close_nothing_is_claimed(claims: Claims):
    claims.settle()
    waiting = claims.wait()
    claims.standing.stop_waiting()
    assert waiting.result(LONG_S) is not None
    assert claims.standing.close() is None
    requests = claims.requests
    claims.standing.ask()
    claims.receive(1, "hello")
    assert claims.requests == requests
    assert list_texts(claims.pipeline.claim()) == ["hello"]


def test_closing_hands_over_what_is_being_claimed(claims: Claims):
    claims.settle()
    entered, leave = threading.Event(), threading.Event()

    def hold(_db: Connection) -> None:
        entered.set()
        leave.wait(LONG_S)

    claims.receive(1, "hello")
    held = ThreadPoolExecutor(1).submit(claims.pipeline.database.writer.run, hold)
    entered.wait(LONG_S)
    claims.standing.ask()
    waiting = claims.wait()
    claims.standing.stop_waiting()
    assert list_texts(waiting.result(LONG_S)) == []
    closing = claims.thread.submit(claims.standing.close)
    leave.set()
    held.result(LONG_S)
    assert list_texts(closing.result(LONG_S)) == ["hello"]


def test_a_claim_that_a_closed_writer_refuses_is_not_waited_for(claims: Claims) -> None:
    claims.settle()
    waiting = claims.wait()
    claims.pipeline.database.writer.close()
    with pytest.raises(WriterClosedError):
        claims.standing.ask()
    claims.standing.stop_waiting()
    assert waiting.result(LONG_S) is not None
    closed = claims.thread.submit(claims.standing.close)
    assert closed.result(LONG_S) is None
