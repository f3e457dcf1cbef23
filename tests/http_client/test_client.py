"""Outcomes of requests, with a server that breaks wherever it can."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.http_client import BrokenError, HttpClient, HttpLimits, HttpResponse, NotSentError
from tests.http_client.scripted_server import (
    BREAKS,
    LONG,
    OK,
    SHORT,
    Peer,
    Script,
    ScriptedServer,
    open_client,
)

BODY = b'{"text": "hi"}'
REFUSAL = b'{"error": {"code": 1}}'
CLOSED = "the server closed the connection"
# Heads and bodies of answers, and whether the end of the connection is the end of the body.
ANSWERS: dict[str, tuple[bytes, bytes, bytes, bool]] = {
    "accepted": (b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\n", b"{}", b"{}", False),
    "refused": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 22\r\n\r\n", REFUSAL, REFUSAL, False),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b'1;name=value;q="x"\r\n{\r\n001\r\n}\r\n0;last\r\nX-Trailer: t\r\n\r\n',
        b"{}",
        False,
    ),
    "until it closes": (b"HTTP/1.1 500 Oh\r\nServer: x\r\n\r\n", REFUSAL, REFUSAL, True),
    "after two interim answers": (
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n"
        ),
        b"{}",
        b"{}",
        False,
    ),
}


def run_post(script: Script, limits: HttpLimits = SHORT, number: int = 1) -> tuple[list[Any], ScriptedServer]:
    """Post one request after the other to a server; return their outcomes and the server."""

    async def run() -> tuple[list[Any], ScriptedServer]:
        async with ScriptedServer(script).run() as server, open_client() as client:
            return [await post(client, server, limits) for _ in range(number)], server

    return asyncio.run(run())


async def post(client: HttpClient, server: ScriptedServer, limits: HttpLimits = SHORT) -> Any:
    try:
        return await client.post(server.endpoint, BODY, limits)
    except (NotSentError, BrokenError) as error:
        return error


async def post_once(script: Script, limits: HttpLimits = SHORT) -> tuple[Any, ScriptedServer]:
    async with ScriptedServer(script).run() as server, open_client() as client:
        result = await post(client, server, limits)
        await server.wait_for_peer()
        return result, server


def run_all(scripts: list[Script]) -> list[tuple[Any, ScriptedServer]]:
    """Post one request to a server of each script, some at a time."""

    async def run() -> list[tuple[Any, ScriptedServer]]:
        found: list[tuple[Any, ScriptedServer]] = []
        for first in range(0, len(scripts), 40):
            found += await asyncio.gather(*(post_once(each) for each in scripts[first : first + 40]))
        return found

    return asyncio.run(run())


def answer(data: bytes, end: Callable[[Peer], Awaitable[None]] = Peer.stall) -> Script:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(data)
        await end(peer)

    return script


def test_a_request_and_its_answer_are_whole():
    [response], server = run_post(answer(OK))
    assert (response.status, response.body, response.interruption) == (200, b"{}", "")
    assert response.headers == {"content-type": "application/json", "content-length": "2"}
    assert bytes(server.peers[0].received) == (
        b"POST /v25.0/1065/messages?a=1 HTTP/1.1\r\nHost: localhost:%d\r\nAccept-Encoding: identity\r\n"
        b"Authorization: Bearer secret\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n"
        b'{"text": "hi"}' % server.port
    )


@pytest.mark.parametrize("name", BREAKS)
def test_a_server_that_breaks_anywhere_in_the_request_leaves_the_outcome_unknown(name: str):
    whole = len(run_post(answer(OK))[1].peers[0].received)

    def build(number: int) -> Script:
        async def script(peer: Peer) -> None:
            await peer.read(number)
            await BREAKS[name](peer)

        return script

    for result, server in run_all([build(number) for number in range(whole + 1)]):
        assert isinstance(result, BrokenError) or not server.peers[0].received
        assert isinstance(result, BrokenError | NotSentError)
        assert len(server.peers) == 1, "nothing is sent a second time"


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_server_that_breaks_anywhere_in_its_answer_is_known_by_the_status(kind: str, name: str):
    head, body, meaning, is_until_close = ANSWERS[kind]
    data = head + body
    results = run_all([answer(data[:cut], BREAKS[name]) for cut in range(len(data) + 1)])
    for cut, (result, server) in enumerate(results):
        assert len(server.peers) == 1
        if cut < len(head):
            assert isinstance(result, BrokenError), cut
            continue
        assert result.status == int(head[-200:].rpartition(b"HTTP/1.1 ")[2][:3])
        if is_until_close and name == "close":
            assert (result.body, result.interruption) == (meaning[: cut - len(head)], "")
        elif cut == len(data) and not is_until_close:
            assert (result.body, result.interruption) == (meaning, "")
        else:
            assert result.body is None
            assert result.interruption


def test_the_reason_is_in_plain_words():
    reasons = {name: str(run_post(answer(b"HTTP/1.1", end))[0][0]) for name, end in BREAKS.items()}
    assert reasons == {"close": CLOSED, "reset": "the connection broke", "stall": "no answer within 0.25 s"}
    [response], _ = run_post(answer(OK[:-1]))
    assert response.interruption == "nothing more came within 0.25 s"


def test_an_answer_that_keeps_coming_slowly_is_read():
    async def script(peer: Peer) -> None:
        await peer.read_request()
        for byte in OK:
            await peer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    [response], _ = run_post(script)
    assert response.body == b"{}"


@pytest.mark.parametrize(("data", "reason"), [(b"", "no whole answer"), (OK[:-2], "no whole answer")])
def test_an_answer_that_never_ends_is_given_up(data: bytes, reason: str):
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(data or b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(200):
            await peer.write(b"" if data else b"x")
            await asyncio.sleep(0.01)

    began = time.monotonic()
    [result], _ = run_post(script, HttpLimits(answer_s=5, total_s=0.3))
    assert time.monotonic() - began < 2
    assert reason in (result.interruption if data else str(result))


def test_an_answer_before_the_request_was_read_is_taken():
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def script(peer: Peer) -> None:
        await peer.read(20)
        await peer.write(refusal)

    [response], _ = run_post(script)
    assert (response.status, response.body) == (413, b"")


def test_a_redirect_is_handed_back():
    data = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    [response], server = run_post(answer(data))
    assert (response.status, response.headers["location"]) == (307, "/elsewhere")
    assert len(server.peers) == 1


def test_a_server_that_closes_after_each_answer_never_gets_a_request_twice():
    bodies: list[bytes] = []

    async def script(peer: Peer) -> None:
        bodies.append(await peer.read_request())
        await peer.write(OK)
        await peer.close()

    async def run() -> tuple[int, list[Any]]:
        outcomes = []
        async with ScriptedServer(script).run() as server, open_client() as client:
            for number in range(500):
                try:
                    outcomes.append(await client.post(server.endpoint, b"%d" % number, LONG))
                except BrokenError as error:
                    outcomes.append(error)
            return len(server.peers), outcomes

    _, outcomes = asyncio.run(run())
    assert len(bodies) == len(set(bodies))
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, HttpResponse):
            assert outcome.status == 200
            assert b"%d" % number in bodies
        else:
            assert str(outcome) in {CLOSED, "the connection broke"}
            assert b"%d" % number not in bodies


def test_a_connection_the_server_has_closed_is_not_written_to():
    """The loop has not looked at the socket yet: the socket itself is asked."""
    done: list[asyncio.Event] = []

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(OK)
        await peer.close()
        done[-1].set()

    async def run() -> list[Any]:
        outcomes = []
        async with ScriptedServer(script).run() as server, open_client() as client:
            for _ in range(100):
                done.append(asyncio.Event())
                outcomes.append(await post(client, server))
                await done[-1].wait()
                await asyncio.sleep(0)
            return outcomes

    assert [each.status for each in asyncio.run(run())] == [200] * 100


def test_a_request_that_is_given_up_closes_its_connection_at_once():
    async def run() -> None:
        ended = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.wait_for_end()
            ended.set()

        async with ScriptedServer(script).run() as server, open_client() as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.post(server.endpoint, BODY, LONG)
            async with asyncio.timeout(1):
                await ended.wait()

    asyncio.run(run())


def test_an_answer_that_comes_while_a_request_is_given_up_is_dropped_with_its_connection():
    async def run() -> tuple[list[Any], list[Any]]:
        loop, errors, tasks = asyncio.get_running_loop(), [], []
        loop.set_exception_handler(lambda _, context: errors.append(context))

        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.write(OK)
            if peer.number == 0:
                # In the turn of the loop that reads the answer, just before that.
                loop.call_soon(tasks[0].cancel)
            await peer.wait_for_end()

        async with ScriptedServer(script).run() as server, open_client() as client:
            tasks.append(asyncio.create_task(post(client, server, LONG)))
            await asyncio.wait(tasks)
            return [
                tasks[0].cancelled(),
                (await post(client, server, LONG)).status,
                len(server.peers),
            ], errors

    assert asyncio.run(run()) == ([True, 200, 2], [])


def test_the_end_of_the_client_ends_what_is_under_way():
    async def run() -> Any:
        has_come = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            has_come.set()

        async with ScriptedServer(script).run() as server:
            async with open_client() as client:
                task = asyncio.create_task(post(client, server, LONG))
                await has_come.wait()
            return await task, await post(client, server, LONG)

    under_way, later = asyncio.run(run())
    assert isinstance(under_way, BrokenError)
    assert isinstance(later, NotSentError)
