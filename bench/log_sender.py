"""Sender of log events on kept-open connections: at a rate, in batches, or until the server is gone."""

import asyncio
import contextlib
import json
import time
from typing import Any

CONNECTIONS = 16


class LogSender:
    """Sends to `POST /api/logs` on a loopback port with the token of a source; `prefix` begins the events' ids."""

    def __init__(self, port: int, token: str, prefix: str = "e") -> None:
        self._port = port
        self._token = token
        self._prefix = prefix
        self._number = 0

    async def run(self, rate: int, seconds: float) -> list[float]:
        """Send `rate` requests a second, one event each; returns the seconds from when each was due to its answer."""
        total, begin = int(rate * seconds), time.perf_counter() + 0.2
        due = iter(range(total))
        times: list[float] = []

        async def work() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for number in due:
                at = begin + number / rate
                await asyncio.sleep(max(0, at - time.perf_counter()))
                status, _ = await self._exchange(reader, writer, [self._make_event()])
                times.append(time.perf_counter() - at)
                assert status == 202, status
            writer.close()

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        return times

    async def send_batch(self, count: int) -> dict[str, Any]:
        """Send one request with so many events; returns its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        status, answer = await self._exchange(reader, writer, [self._make_event() for _ in range(count)])
        writer.close()
        assert status == 202, answer
        return answer

    async def send_until_broken(self, connections: int) -> set[str]:
        """Send one event after the other until the server is gone; returns the ids it has accepted."""
        accepted: set[str] = set()

        async def work() -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                while True:
                    event = self._make_event()
                    status, _ = await self._exchange(reader, writer, [event])
                    if status == 202:
                        accepted.add(event["id"])

        await asyncio.gather(*(work() for _ in range(connections)))
        return accepted

    def _make_event(self) -> dict[str, Any]:
        self._number += 1
        return {
            "id": f"{self._prefix}{self._number}",
            "text": "GET /products/42 answered",
            "level": "info",
            "request_id": f"r{self._number}",
            "status": "info",
            "ms": 12,
        }

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: list[dict[str, Any]]
    ) -> tuple[int, dict[str, Any]]:
        body = json.dumps(events if len(events) > 1 else events[0]).encode()
        head = (
            f"POST /api/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        return int(answer.split(b" ", 2)[1]), json.loads(content)
