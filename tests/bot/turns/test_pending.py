"""Runs that ask the outside: they hold up nobody, keep their chat, and are answered once."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask import Flask

from app.bot.lease import Lease, LeaseRequest
from app.bot.turns import claim
from app.bot.turns.claim import Job
from app.bot.turns.pending import MAX_RUN_MS, PendingRun, PendingRuns
from app.bot.turns.retry import TurnRetry
from app.bot.turns.run import TurnRunner
from app.brains.capabilities.http import Http
from app.brains.capabilities.https import Request, Response
from app.brains.runtime.runtime import Runtime
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

ASK = """
answer = ctx.http.get("https://slow.example/")
ctx.reply("The answer is " + answer.text)
"""


class SlowServer(ThreadingHTTPServer):
    """A web service that answers when it is let."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SlowHandler)
        self.asked = threading.Semaphore(0)
        self.answer = threading.Event()
        self.requests = 0

    def exchange(self, request: Request) -> Response:
        """Carry a request here instead of to its host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server_address[1], timeout=20)
        connection.request(request.method, request.path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return Response(answer.status, {"content-type": "text/plain"}, body)


class SlowHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, SlowServer)
        server.requests += 1
        server.asked.release()
        assert server.answer.wait(20)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"42")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        pass


@pytest.fixture
def slow_server() -> Iterator[SlowServer]:
    server = SlowServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bot(installation: Flask, slow_server: SlowServer) -> SimulatedBot:
    made = SimulatedBot(
        installation,
        [build_script_command("ask", ASK), build_reply_command("hi", "Hello {{ sender.name }}")],
        grants={"http": {"allow": ["slow.example"]}},
    )
    asking = Http(
        resolve=lambda _host, _seconds: ["127.0.0.1"],
        transport=slow_server.exchange,
        permits=lambda _address: True,
    )
    made.services.__dict__["capabilities"] = {"http.get": asking}
    return made


def test_a_slow_call_in_one_chat_delays_no_other(bot: SimulatedBot, slow_server: SlowServer):
    with bot.run_worker():
        bot.say((0, "ask"))
        assert slow_server.asked.acquire(timeout=20)
        bot.say(*((who, "hi") for who in range(1, 51)))
        wait_until(lambda: all(bot.list_replies(who) for who in range(1, 51)))
        assert bot.list_replies(0) == []
        slow_server.answer.set()
        wait_until(lambda: bot.list_replies(0))
    assert bot.list_reply_texts(0) == ["The answer is 42"]


def test_messages_behind_a_slow_call_keep_their_order(bot: SimulatedBot, slow_server: SlowServer):
    with bot.run_worker():
        bot.say((0, "ask"), (0, "hi"))
        assert slow_server.asked.acquire(timeout=20)
        slow_server.answer.set()
        wait_until(lambda: len(bot.list_replies(0)) == 2)
    assert bot.list_reply_texts(0) == ["The answer is 42", "Hello P0"]


def test_the_lease_outlives_a_run_longer_than_itself(bot: SimulatedBot, slow_server: SlowServer):
    settings = bot.services.settings.model_copy(update={"lease_seconds": 3.0, "sweep_seconds": 0.05})
    bot.services.settings = settings
    with bot.run_worker():
        bot.say((0, "ask"))
        assert slow_server.asked.acquire(timeout=20)
        assert not slow_server.asked.acquire(timeout=7)
        rival = claim.ClaimRequest(
            LeaseRequest("rival", 8, bot.services.clock(), 600), 1_000, bot.services.channels
        )
        assert bot.database.writer.submit(claim.claim_chats, rival).result().claimed_count == 0
        slow_server.answer.set()
        wait_until(lambda: bot.list_replies(0))
    assert (bot.list_reply_texts(0), slow_server.requests) == (["The answer is 42"], 1)


def test_a_sandbox_that_cannot_begin_puts_the_turn_back(bot: SimulatedBot):
    bot.say((0, "ask"))
    request = claim.ClaimRequest(
        LeaseRequest("w", 8, bot.services.clock() + 5, 60_000), 1_000, bot.services.channels
    )
    work = bot.database.writer.submit(claim.claim_chats, request).result()
    bot.services.sandbox.close()
    programs = TurnRunner(
        bot.database, Runtime(bot.services.sandbox), bot.services.clock, bot.services.capabilities
    )
    (result,) = programs.run(work.jobs)
    assert isinstance(result, TurnRetry)
    assert result.code == "sandbox"


class HandedOverRuns:
    """Collects what runs hand over."""

    def __init__(self, clock) -> None:
        self.back: list[Lease] = []
        self.renewed: list[tuple[list[Lease], int]] = []
        self.runs = PendingRuns(clock, lambda r: self.renewed.append((list(r[0]), r[1])), self.take)
        self.futures: list[Future[None]] = []

    def take(self, job: Job, _coming: PendingRun) -> None:
        self.back.append(job.lease)

    def add(self, job: Job) -> Future[None]:
        future: Future[None] = Future()
        self.runs.add(job, PendingRun(future, lambda _: TurnRetry(job.lease, 1, "", 1)))
        return future


@pytest.fixture
def runs(clock) -> HandedOverRuns:
    return HandedOverRuns(clock)


@pytest.fixture
def jobs(bot: SimulatedBot) -> list[Job]:
    bot.say((1, "hi"), (2, "hi"))
    request = claim.ClaimRequest(
        LeaseRequest("w", 8, bot.services.clock() + 5, 30_000), 1_000, bot.services.channels
    )
    return bot.database.writer.submit(claim.claim_chats, request).result().jobs


def test_leases_are_renewed_every_third_of_their_time(runs: HandedOverRuns, jobs: list[Job], clock):
    runs.add(jobs[0])
    runs.runs.renew()
    assert runs.renewed == []
    clock.pass_seconds(10)
    runs.runs.renew()
    runs.runs.renew()
    assert runs.renewed == [([jobs[0].lease], clock())]


def test_a_run_that_never_comes_back_is_given_up(runs: HandedOverRuns, jobs: list[Job], clock):
    future = runs.add(jobs[0])
    clock.now += MAX_RUN_MS + 1
    runs.runs.renew()
    assert (len(runs.runs), runs.renewed) == (0, [])
    future.set_result(None)
    assert runs.back == []


def test_what_comes_back_after_the_end_is_dropped(runs: HandedOverRuns, jobs: list[Job]):
    first, second = (runs.add(job) for job in jobs)
    first.set_result(None)
    runs.runs.close(0.01)
    second.set_result(None)
    assert runs.back == [jobs[0].lease]
