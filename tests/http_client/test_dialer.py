"""New connections: TLS with verification, names looked up together, IPv6 and IPv4, what stays silent."""

import asyncio
import socket
import ssl
from typing import Any

import pytest

from app.http_client import BrokenError, HttpLimits, NotSentError, build_endpoint
from tests.certificates import Authority
from tests.http_client.scripted_server import BREAKS, HEADERS, LONG, OK, Peer, ScriptedServer, open_client
from tests.http_client.test_client import post
from tests.http_client.test_connection_pool import serve

HALF_A_SECOND = HttpLimits(connect_s=0.5, answer_s=5, total_s=5)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def post_tls(server_context: ssl.SSLContext, client_context: ssl.SSLContext | None) -> tuple[Any, int]:
    server = ScriptedServer(serve, server_context)
    async with server.run(), open_client(tls=client_context) as client:
        for _ in range(2):
            result = await post(client, server, LONG)
        return result, len(server.peers)


def test_a_tls_connection_is_verified_and_kept(authority: Authority):
    result, number = asyncio.run(post_tls(authority.build_server_context("localhost"), authority.trusting))
    assert (result.status, number) == (200, 1)


@pytest.mark.parametrize(
    ("host", "days", "is_trusted"), [("localhost", 1, False), ("elsewhere", 1, True), ("localhost", -1, True)]
)
def test_a_certificate_of_nobody_known_for_another_name_or_too_old_gets_nothing(
    authority: Authority, host: str, days: int, is_trusted: bool
):
    trusting = authority.trusting if is_trusted else None
    result, number = asyncio.run(post_tls(authority.build_server_context(host, days), trusting))
    assert isinstance(result, NotSentError)
    assert str(result) == "the TLS certificate of the server is not accepted"
    assert number == 0


def test_only_http_1_is_offered_and_the_name_is_told(authority: Authority):
    context, told = authority.build_server_context("localhost"), []
    context.sni_callback = lambda _socket, name, _context: told.append(name)

    async def run() -> None:
        server = ScriptedServer(serve, context)
        async with server.run(), open_client(tls=authority.trusting) as client:
            assert (await post(client, server, LONG)).status == 200
            assert server.peers[0].protocol == "http/1.1"

    asyncio.run(run())
    assert told == ["localhost"]


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_breaks_off_under_tls_is_known_by_its_status(authority: Authority, name: str):
    limits = HttpLimits(connect_s=5, answer_s=0.2, total_s=10)

    async def post_cut(cut: int) -> Any:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.write(OK[:cut])
            await BREAKS[name](peer)

        server = ScriptedServer(script, context)
        async with server.run(), open_client(tls=authority.trusting) as client:
            return await post(client, server, limits)

    async def run() -> list[Any]:
        return await asyncio.gather(*(post_cut(cut) for cut in cuts))

    context, cuts = authority.build_server_context("localhost"), [0, 1, len(OK) - 3, len(OK) - 2, len(OK) - 1]
    results = asyncio.run(run())
    assert [isinstance(each, BrokenError) for each in results] == [True, True, True, False, False]
    assert [(each.status, each.body) for each in results[3:]] == [(200, None)] * 2


@pytest.mark.parametrize("greeting", [b"", b"220 mail ready\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_without_tls_gets_nothing(greeting: bytes):
    async def script(peer: Peer) -> None:
        await peer.write(greeting)
        await peer.close()

    async def run() -> Any:
        async with ScriptedServer(script).run() as server, open_client() as client:
            endpoint = build_endpoint(f"https://localhost:{server.port}/", HEADERS)
            with pytest.raises(NotSentError) as caught:
                await client.post(endpoint, b"secret", LONG)
            return str(caught.value), bytes(server.peers[0].received)

    words, received = asyncio.run(run())
    assert words in {
        "the server does not speak TLS as it should",
        "no connection to the server could be made",
    }
    assert b"secret" not in received


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_server_that_stays_silent_while_it_is_connected_to_gets_nothing(is_tls: bool):
    async def run() -> Any:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
            port, fillers = silent.getsockname()[1], []
            if not is_tls:
                # A full backlog answers nobody.
                for _ in range(4):
                    fillers.append(socket.socket())
                    fillers[-1].settimeout(0)
                    fillers[-1].connect_ex(("127.0.0.1", port))
            endpoint = build_endpoint(f"http{'s' * is_tls}://127.0.0.1:{port}/", HEADERS)
            async with open_client(max_connections=1) as client:
                for _ in range(2):
                    with pytest.raises(NotSentError, match=r"no connection within 0\.5 s"):
                        await client.post(endpoint, b"", HALF_A_SECOND)
            for each in fillers:
                each.close()

    asyncio.run(run())


def test_a_name_nobody_knows_gets_nothing():
    async def run() -> None:
        async with open_client() as client:
            with pytest.raises(NotSentError, match="the name of the server is not known"):
                await client.post(build_endpoint("http://no-such-host.invalid/", HEADERS), b"", LONG)

    asyncio.run(run())


class Names:
    """Answers of the name service, in place of the loop's own."""

    def __init__(self, *addresses: str, seconds: float = 0) -> None:
        self.addresses = addresses
        self.seconds = seconds
        self.count = 0

    async def getaddrinfo(self, _host: str, port: int, **_: Any) -> list[Any]:
        self.count += 1
        await asyncio.sleep(self.seconds)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (each, port, 0, 0))
            if ":" in each
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in self.addresses
        ]


def test_a_name_is_looked_up_once_for_all_and_again_after_a_failure(monkeypatch: pytest.MonkeyPatch):
    names = Names("127.0.0.1", seconds=0.05)

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
        async with ScriptedServer(serve).run() as server, open_client() as client:
            results = await asyncio.gather(*(post(client, server, LONG) for _ in range(30)))
            assert {each.status for each in results} == {200}
            assert names.count == 1
            nowhere = build_endpoint("http://localhost:9/", HEADERS)
            for _ in range(2):
                with pytest.raises(NotSentError):
                    await client.post(nowhere, b"", LONG)
            assert names.count == 3

    asyncio.run(run())


def test_who_gives_up_a_look_up_takes_it_from_nobody(monkeypatch: pytest.MonkeyPatch):
    names = Names("127.0.0.1", seconds=0.1)

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
        async with ScriptedServer(serve).run() as server, open_client() as client:
            first, second = (asyncio.create_task(post(client, server, LONG)) for _ in range(2))
            await asyncio.sleep(0.01)
            first.cancel()
            assert (await second).status == 200
            assert names.count == 1

    asyncio.run(run())


def test_the_end_of_the_client_ends_a_look_up(monkeypatch: pytest.MonkeyPatch):
    async def run() -> Any:
        monkeypatch.setattr(
            asyncio.get_running_loop(), "getaddrinfo", Names("127.0.0.1", seconds=10).getaddrinfo
        )
        async with ScriptedServer(serve).run() as server:
            async with open_client() as client:
                task = asyncio.create_task(post(client, server, LONG))
                await asyncio.sleep(0.01)
            return await task

    assert isinstance(asyncio.run(run()), NotSentError)


@pytest.mark.parametrize("dead", ["::1", "192.0.2.1"])
def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch, dead: str):
    async def run() -> int:
        names = Names(dead, "127.0.0.1")
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
        async with ScriptedServer(serve).run() as server, open_client() as client:
            return (await post(client, server, LONG)).status

    assert asyncio.run(run()) == 200


def test_a_server_with_an_ipv6_address_is_reached():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")

    async def run() -> int:
        async with ScriptedServer(serve).run("::1") as server, open_client() as client:
            endpoint = build_endpoint(f"http://[::1]:{server.port}/", HEADERS)
            return (await client.post(endpoint, b"{}", LONG)).status

    assert asyncio.run(run()) == 200
