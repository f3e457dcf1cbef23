"""Nothing is lost, doubled or overtaken while processes are killed; and the judge of that can tell."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.graph import Accepted
from bench.graph_statuses import Send
from bench.load import Load, Target, until
from bench.processes import Member, family, survivors
from bench.product import ROOT, Layout
from bench.scenarios import faults
from bench.torture import Torture, run
from bench.wire import Answer, Server

# Starts a process on the leash, tells its id, then waits to be killed.
STARTER = """
import sys, time
from pathlib import Path
from bench.processes import Part
part = Part("sleeper", ["sleep", "60"], {"PATH": "/usr/bin:/bin"}, Path("/"), Path(sys.argv[1]))
part.start()
print(part.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.torture
@pytest.mark.timeout(300)  # five kills, each with its recovery, beside other tests
@pytest.mark.parametrize("layout", [Layout.EMBEDDED, Layout.PRODUCTION])
def test_no_message_is_lost_doubled_or_overtaken_under_kills(layout):
    outcome = run(Torture(layout, messages=200, kills=5, chats=40))
    print(outcome.text())
    assert outcome.faults == {"lost": 0, "duplicated": 0, "out of order": 0, "wrong": 0}
    assert sum(outcome.kills.values()) == 5
    assert (outcome.deaths, outcome.leftovers) == ([], 0)
    assert outcome.passed


def reply(load: Load, number: int, text: str = "") -> Accepted:
    to = load.phone(number % load.target.users)
    return Accepted(0.0, Send("1", to, None, "wamid.A"), text or f"hello {number}", {})


async def judged(replies: list[tuple[int, str]], sends: int) -> dict[str, int]:
    server = Server(lambda _message, respond: respond(Answer(200)))
    await server.start()
    load = Load(Target(server.port, "/", "secret", "1", "T", users=2), time.time)
    for _ in range(sends):
        load.send()
    assert await until(lambda: load.acks == sends, 5)
    for number, text in replies:
        load.replied(reply(load, number, text))
    await load.close()
    await server.stop()
    return faults(load.ledger)


@pytest.mark.parametrize(
    ("replies", "found"),
    [
        ([(0, ""), (1, ""), (2, ""), (3, "")], {}),
        ([(1, ""), (0, ""), (3, ""), (2, "")], {}),
        ([(0, ""), (1, ""), (3, "")], {"lost": 1}),
        ([(0, ""), (1, ""), (2, ""), (3, ""), (1, "")], {"duplicated": 1}),
        ([(2, ""), (0, ""), (1, ""), (3, "")], {"out of order": 1}),
        ([(0, ""), (1, ""), (2, ""), (3, ""), (0, "hello 1")], {"wrong": 1}),
        ([(0, ""), (1, ""), (2, ""), (3, ""), (0, "Sorry?")], {"wrong": 1}),
    ],
)
def test_the_judge_sees_lost_doubled_overtaken_and_wrong_replies(replies, found):
    nothing = {"lost": 0, "duplicated": 0, "out of order": 0, "wrong": 0}
    assert asyncio.run(judged(replies, 4)) == nothing | found


def test_a_webhook_is_tried_again_until_it_is_answered_200():
    async def tries() -> dict[int, int]:
        seen = []

        def handle(_message: object, respond: object) -> None:
            seen.append(1)
            assert callable(respond)
            respond(Answer(200 if len(seen) > 2 else (503 if len(seen) == 1 else 0)))

        server = Server(handle)
        await server.start()
        load = Load(Target(server.port, "/", "secret", "1", "T"), time.time)
        load.send()
        assert await until(lambda: load.acks == 1, 5)
        await load.close()
        await server.stop()
        return load.ledger.refused

    assert asyncio.run(tries()) == {503: 1, 0: 1}


def test_what_was_started_dies_with_its_starter_even_by_sigkill(tmp_path: Path):
    command = [sys.executable, "-c", STARTER, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        members: dict[int, Member] = family([child])
        assert survivors(members) == [child]
        os.kill(starter.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while survivors(members) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert survivors(members) == []
