"""What strangers do to a web server, as a program of its own: `python -m bench.attackers NAME PORT SECONDS`."""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Final

from bench.poster import signature_line
from bench.product import SECRETS, WEBHOOK

_PAUSE_S: Final = 0.5
_NEW_PEOPLE: Final = 1_000
Attack = Callable[[int, float], Awaitable[None]]


async def _connect(port: int, part: bytes, until: float) -> None:
    """Hold a connection that says `part` and no more; a closed one is opened again."""
    while time.monotonic() < until:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(part)
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                while await reader.read(4096):
                    pass
            writer.close()
        await asyncio.sleep(_PAUSE_S)


async def _hold(port: int, until: float, number: int, parts: list[bytes]) -> None:
    await asyncio.gather(*(_connect(port, parts[n % len(parts)], until) for n in range(number)))


async def send_half_requests(port: int, until: float) -> None:
    """Hold 1,200 requests that stop in their head or body."""
    parts = [
        b"GET /login HTTP/1.1\r\nHost: x\r\n",
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nX-".encode(),
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{{".encode(),
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nemail=",
    ]
    await _hold(port, until, 1_200, parts)


async def hold_idle_sockets(port: int, until: float) -> None:
    """Hold 1,200 connections that say nothing, and ask for live ones without a session."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    live = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n" + upgrade
    await _hold(port, until, 1_200, [b"", b"", b"", live])


async def send_unsigned_bodies(port: int, until: float) -> None:
    """Hold 120 unsigned webhooks of almost 4 MB."""
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n".encode()
    await _hold(port, until, 120, [head + bytes(3_900_000)])


async def send_malformed_requests(port: int, until: float) -> None:
    """Send some 200 requests a second that are none."""
    bad = (
        b"\x16\x03\x01\x02",
        b"GET /\r\n\r\n",
        f"POST {WEBHOOK} HTTP/1.1\r\nContent-Length: x\r\n\r\n".encode(),
    )
    for number in count():
        if time.monotonic() > until:
            return
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bad[number % len(bad)])
            await reader.read(4096)
            writer.close()
        await asyncio.sleep(0.005)


async def send_new_people(port: int, until: float) -> None:
    """Send a signed webhook with a thousand people nobody knows, every two seconds."""
    for number in count():
        if time.monotonic() > until:
            return
        people = range(number * _NEW_PEOPLE, (number + 1) * _NEW_PEOPLE)
        await _post(port, [(f"1666{person:08}", f"new{person}", "hello") for person in people])
        await asyncio.sleep(2)


async def send_slow_texts(port: int, until: float) -> None:
    """Send one person's text that makes an operator's script hit its limit, every second."""
    for number in count():
        if time.monotonic() > until:
            return
        await _post(port, [("16770000001", f"slow{number}", "!slow")])
        await asyncio.sleep(1)


async def _post(port: int, texts: list[tuple[str, str, str]]) -> None:
    """Post one signed webhook with texts by number, id and text."""
    messages = [
        {
            "from": phone,
            "id": f"wamid.{name}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": text},
        }
        for phone, name, text in texts
    ]
    value = {"metadata": {"phone_number_id": SECRETS.phone_id}, "messages": messages}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}{signature_line(SECRETS.app_secret.encode(), body)}\r\n".encode() + body)
        await reader.read()
        writer.close()


ATTACKS: Mapping[str, Attack] = {
    "half requests": send_half_requests,
    "idle sockets": hold_idle_sockets,
    "unsigned bodies": send_unsigned_bodies,
    "malformed requests": send_malformed_requests,
    "new people": send_new_people,
    "slow texts": send_slow_texts,
}


def main() -> None:
    """Run one attack for a while."""
    parser = argparse.ArgumentParser(prog="python -m bench.attackers")
    parser.add_argument("name", choices=list(ATTACKS))
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    args = parser.parse_args()
    asyncio.run(ATTACKS[args.name](args.port, time.monotonic() + args.seconds))


if __name__ == "__main__":
    main()
