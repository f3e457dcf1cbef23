"""Runs that ask the outside: they hold up nobody, keep their chat, and are answered once."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask import Flask

from app.bot import claims
from app.bot.claims import Job
from app.bot.deferring import Deferred
from app.bot.lease import Claim, Lease
from app.bot.programs import Programs
from app.bot.running import MOST, Coming, Runs
from app.brains.capabilities.http import Http
from app.brains.capabilities.wire import Request, Response
from app.brains.runtime import Runtime
from tests.bot.town import Town, reply, script, until

ASK = """
answer = ctx.http.get("https://slow.example/")
ctx.reply("The answer is " + answer.text)
"""


class Slow(ThreadingHTTPServer):
    """A web service that answers when it is let."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
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


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Slow)
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
def slow() -> Iterator[Slow]:
    server = Slow()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def town(installation: Flask, slow: Slow) -> Town:
    made = Town(
        installation,
        [script("ask", ASK), reply("hi", "Hello {{ sender.name }}")],
        grants={"http": {"allow": ["slow.example"]}},
    )
    asking = Http(
        resolve=lambda _host, _seconds: ["127.0.0.1"], transport=slow.exchange, permits=lambda _address: True
    )
    made.bot.__dict__["capabilities"] = {"http.get": asking}
    return made


def test_a_slow_call_in_one_chat_delays_no_other(town: Town, slow: Slow):
    with town.open():
        town.say((0, "ask"))
        assert slow.asked.acquire(timeout=20)
        town.say(*((who, "hi") for who in range(1, 51)))
        until(lambda: all(town.heard(who) for who in range(1, 51)))
        assert town.heard(0) == []
        slow.answer.set()
        until(lambda: town.heard(0))
    assert town.texts(0) == ["The answer is 42"]


def test_messages_behind_a_slow_call_keep_their_order(town: Town, slow: Slow):
    with town.open():
        town.say((0, "ask"), (0, "hi"))
        assert slow.asked.acquire(timeout=20)
        slow.answer.set()
        until(lambda: len(town.heard(0)) == 2)
    assert town.texts(0) == ["The answer is 42", "Hello P0"]


def test_the_lease_outlives_a_run_longer_than_itself(town: Town, slow: Slow):
    settings = town.house.settings.model_copy(update={"lease_seconds": 2.0, "sweep_seconds": 0.05})
    town.bot.house = replace(town.house, settings=settings)
    with town.open():
        town.say((0, "ask"))
        assert slow.asked.acquire(timeout=20)
        assert not slow.asked.acquire(timeout=5)
        rival = claims.Wish(Claim("rival", 8, town.house.clock(), 600), 1_000, town.bot.channels)
        assert town.database.writer.submit(claims.claim, rival).result().claimed == 0
        slow.answer.set()
        until(lambda: town.heard(0))
    assert (town.texts(0), slow.requests) == (["The answer is 42"], 1)


def test_a_sandbox_that_cannot_begin_puts_the_turn_back(town: Town):
    town.say((0, "ask"))
    wish = claims.Wish(Claim("w", 8, town.house.clock() + 5, 60_000), 1_000, town.bot.channels)
    work = town.database.writer.submit(claims.claim, wish).result()
    town.bot.sandbox.close()
    programs = Programs(town.database, Runtime(town.bot.sandbox), town.house.clock, town.bot.capabilities)
    (result,) = programs.run(work.jobs)
    assert isinstance(result, Deferred)
    assert result.code == "sandbox"


class Handed:
    """Collects what runs hand over."""

    def __init__(self, clock) -> None:
        self.back: list[Lease] = []
        self.renewed: list[tuple[list[Lease], int]] = []
        self.runs = Runs(clock, lambda r: self.renewed.append((list(r[0]), r[1])), self.take)
        self.futures: list[Future[None]] = []

    def take(self, job: Job, _coming: Coming) -> None:
        self.back.append(job.lease)

    def add(self, job: Job) -> Future[None]:
        future: Future[None] = Future()
        self.runs.add(job, Coming(future, lambda _: Deferred(job.lease, 1, "", 1)))
        return future


@pytest.fixture
def handed(clock) -> Handed:
    return Handed(clock)


@pytest.fixture
def jobs(town: Town) -> list[Job]:
    town.say((1, "hi"), (2, "hi"))
    wish = claims.Wish(Claim("w", 8, town.house.clock() + 5, 30_000), 1_000, town.bot.channels)
    return town.database.writer.submit(claims.claim, wish).result().jobs


def test_leases_are_renewed_every_third_of_their_time(handed: Handed, jobs: list[Job], clock):
    handed.add(jobs[0])
    handed.runs.renew()
    assert handed.renewed == []
    clock.pass_seconds(10)
    handed.runs.renew()
    handed.runs.renew()
    assert handed.renewed == [([jobs[0].lease], clock())]


def test_a_run_that_never_comes_back_is_given_up(handed: Handed, jobs: list[Job], clock):
    future = handed.add(jobs[0])
    clock.now += MOST + 1
    handed.runs.renew()
    assert (len(handed.runs), handed.renewed) == (0, [])
    future.set_result(None)
    assert handed.back == []


def test_what_comes_back_after_the_end_is_dropped(handed: Handed, jobs: list[Job]):
    first, second = (handed.add(job) for job in jobs)
    first.set_result(None)
    handed.runs.close(0.01)
    second.set_result(None)
    assert handed.back == [jobs[0].lease]
