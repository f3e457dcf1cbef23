"""The pool: how many connections there are, who gets one next, and when they are closed."""

import asyncio
from typing import Any

import pytest

from app.http_client import BrokenError, HttpLimits, NotSentError, build_endpoint
from tests.http_client.scripted_server import HEADERS, LONG, OK, Peer, ScriptedServer, open_client
from tests.http_client.test_client import post


async def serve(peer: Peer) -> None:
    while True:
        await peer.read_request()
        await peer.write(OK)


class Gate:
    """A server that answers one request each time it is told to; `bodies` in the order they came."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(0)
        self.arrivals = asyncio.Semaphore(0)
        self.bodies: list[bytes] = []

    async def serve(self, peer: Peer) -> None:
        while True:
            self.bodies.append(await peer.read_request())
            self.arrivals.release()
            await self.turns.acquire()
            await peer.write(OK)


def test_a_connection_is_used_again():
    async def run() -> tuple[int, int]:
        async with ScriptedServer(serve).run() as server, open_client() as client:
            results = [await post(client, server) for _ in range(20)]
            return sum(each.status == 200 for each in results), len(server.peers)

    assert asyncio.run(run()) == (20, 1)


def test_there_are_never_more_than_allowed_and_those_who_wait_are_served_in_order():
    async def run() -> tuple[list[bytes], int]:
        gate = Gate()
        async with ScriptedServer(gate.serve).run() as server, open_client(max_connections=2) as client:
            tasks = []
            for number in range(40):
                body = b"%02d" % number
                tasks.append(asyncio.create_task(client.post(server.endpoint, body, LONG)))
                await asyncio.sleep(0)
            await gate.arrivals.acquire()
            await gate.arrivals.acquire()
            for _ in tasks:
                gate.turns.release()
                await asyncio.sleep(0.001)
            await asyncio.gather(*tasks)
            return gate.bodies, len(server.peers)

    bodies, number = asyncio.run(run())
    assert sorted(bodies[:2]) + bodies[2:] == [b"%02d" % number for number in range(40)]
    assert number == 2


def test_who_waits_too_long_was_not_sent_and_who_gives_up_takes_nobodys_turn():
    async def run() -> tuple[Any, list[bytes]]:
        gate = Gate()
        short = HttpLimits(connect_s=0.1, answer_s=5, total_s=5)
        async with ScriptedServer(gate.serve).run() as server, open_client(max_connections=1) as client:

            async def post_first() -> None:
                await client.post(server.endpoint, b"first", LONG)
                # At the moment its turn has come.
                given_up.cancel()

            first = asyncio.create_task(post_first())
            await asyncio.sleep(0.05)
            late = await post(client, server, short)
            given_up = asyncio.create_task(client.post(server.endpoint, b"given up", LONG))
            last = asyncio.create_task(client.post(server.endpoint, b"last", LONG))
            await asyncio.sleep(0)
            gate.turns.release()
            gate.turns.release()
            await asyncio.wait([first, given_up, last])
            return late, gate.bodies

    late, bodies = asyncio.run(run())
    assert isinstance(late, NotSentError)
    assert str(late) == "no connection within 0.1 s"
    assert bodies == [b"first", b"last"]


def test_many_who_give_up_at_any_moment_leave_every_slot_usable():
    async def run() -> list[int]:
        async with ScriptedServer(serve).run() as server, open_client(max_connections=3) as client:
            for number in range(150):
                tasks = [asyncio.create_task(post(client, server, LONG)) for _ in range(8)]
                for _ in range(number % 15):
                    await asyncio.sleep(0)
                for each in tasks[number % 3 :: 2]:
                    each.cancel()
                await asyncio.wait(tasks)
            async with asyncio.timeout(5):
                return [
                    each.status for each in await asyncio.gather(*(post(client, server) for _ in range(9)))
                ]

    assert asyncio.run(run()) == [200] * 9


def test_an_idle_connection_to_one_server_makes_room_for_another():
    async def run() -> list[Any]:
        one, two = ScriptedServer(serve), ScriptedServer(serve)
        async with one.run(), two.run(), open_client(max_connections=1) as client:
            return [await post(client, server, LONG) for server in [one, two] * 5]

    assert [each.status for each in asyncio.run(run())] == [200] * 10


def test_those_who_wait_for_two_servers_are_all_served():
    async def run() -> list[Any]:
        one, two = ScriptedServer(serve), ScriptedServer(serve)
        async with one.run(), two.run(), open_client(max_connections=3) as client:
            waiting = (post(client, server, LONG) for server in [one, two, two, one] * 20)
            return await asyncio.gather(*waiting)

    assert {each.status for each in asyncio.run(run())} == {200}


def test_an_idle_connection_is_closed_in_time():
    async def run() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[float] = loop.create_future()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.write(OK)
            await peer.wait_for_end()
            if not ended.done():
                ended.set_result(loop.time())

        async with ScriptedServer(script).run() as server, open_client(keep_alive_s=0.2) as client:
            began = loop.time()
            await post(client, server)
            seconds = await ended - began
            await post(client, server)
            return seconds, len(server.peers)

    seconds, number = asyncio.run(run())
    assert 0.2 <= seconds < 1
    assert number == 2


def test_no_slot_is_lost_to_servers_that_cannot_be_reached():
    async def run() -> list[Any]:
        async with ScriptedServer(serve).run() as server, open_client(max_connections=1) as client:
            nowhere = build_endpoint("http://127.0.0.1:9/", HEADERS)
            for _ in range(3):
                with pytest.raises(NotSentError, match="takes no connections"):
                    await client.post(nowhere, b"", LONG)
            return [await post(client, server, LONG)]

    assert asyncio.run(run())[0].status == 200


def test_a_server_that_closes_every_connection_does_not_stop_the_queue():
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await (peer.reset() if peer.number % 2 else peer.close())

    async def run() -> list[Any]:
        async with ScriptedServer(script).run() as server, open_client(max_connections=2) as client:
            return await asyncio.gather(*(post(client, server, LONG) for _ in range(30)))

    assert {type(each) for each in asyncio.run(run())} == {BrokenError}
