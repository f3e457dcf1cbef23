"""When a connection is used again, and when it is not."""

import asyncio

import pytest

from app.http_client import BrokenError
from tests.http_client.scripted_server import LONG, OK, Peer, ScriptedServer, open_client
from tests.http_client.test_client import post

SECOND = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def count_connections(answer: bytes, later: bytes = b"") -> int:
    """Post twice, return how many connections that took; `later` is sent a moment after the first answer."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.read_request()
            await peer.write(answer)
            if later:
                await asyncio.sleep(0.02)
                await peer.write(later)

    async def run() -> int:
        async with ScriptedServer(script).run() as server, open_client() as client:
            for _ in range(2):
                response = await post(client, server, LONG)
                assert (response.status, response.body) == (200, b"{}")
                await asyncio.sleep(0.05)
            return len(server.peers)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "later", "number"),
    [
        (OK, b"", 1),
        (CLOSING, b"", 2),
        (OK.replace(b"1.1", b"1.0"), b"", 2),
        (OK + SECOND, b"", 2),
        (OK + b"x", b"", 2),
        (OK, SECOND, 2),
        (OK, b"\n", 2),
    ],
)
def test_a_connection_with_anything_left_on_it_is_not_used_again(answer: bytes, later: bytes, number: int):
    assert count_connections(answer, later) == number


def test_what_came_unasked_is_no_answer_even_when_the_loop_has_not_read_it_yet():
    async def script(peer: Peer) -> None:
        while True:
            await peer.read_request()
            await peer.write(OK)
            await peer.told.acquire()
            # Written in the same turn of the loop in which the client writes its next request.
            await peer.write(SECOND)

    async def run() -> list[int]:
        async with ScriptedServer(script).run() as server, open_client() as client:
            found = []
            for _ in range(20):
                found.append((await post(client, server, LONG)).status)
                server.peers[-1].told.release()
                await asyncio.sleep(0)
            return found

    assert asyncio.run(run()) == [200] * 20


def test_a_connection_that_closes_before_it_answers_again_leaves_the_outcome_unknown_once():
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(OK)
        await peer.read(1)
        await peer.close()

    async def run() -> tuple[list[object], int]:
        async with ScriptedServer(script).run() as server, open_client() as client:
            return [await post(client, server, LONG) for _ in range(3)], len(server.peers)

    (first, second, third), number = asyncio.run(run())
    assert (first.status, type(second), third.status, number) == (200, BrokenError, 200, 2)


def test_a_large_request_and_a_server_that_reads_slowly_end_whole():
    body = b"x" * 5_000_000

    async def script(peer: Peer) -> None:
        await asyncio.sleep(0.05)
        assert await peer.read_request() == body
        await peer.write(OK)

    async def run() -> int:
        async with ScriptedServer(script).run() as server, open_client() as client:
            return (await client.post(server.endpoint, body, LONG)).status

    assert asyncio.run(run()) == 200


def test_a_connection_whose_request_was_not_all_written_is_not_used_again():
    async def script(peer: Peer) -> None:
        await peer.read(10)
        await peer.write(OK)

    async def run() -> tuple[int, int]:
        async with ScriptedServer(script).run() as server, open_client() as client:
            first = await client.post(server.endpoint, b"x" * 20_000_000, LONG)
            await post(client, server, LONG)
            return first.status, len(server.peers)

    assert asyncio.run(run()) == (200, 2)
