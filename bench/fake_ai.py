"""A fake AI provider: `python -m bench.fake_ai --port 9100`, or `running()` in a test.

It speaks OpenAI's chat completions and model list, repeats what the last message said, and fails as it is told.
"""

import argparse
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = ("fake-large", "fake-small")


@dataclass(frozen=True)
class Fault:
    """One failure: an HTTP status with its error object, `raw` bytes instead of an answer, or `headers` besides."""

    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class FakeAi(ThreadingHTTPServer):
    """Answers until it is closed. `faults` are given out first; a cleared `gate` holds answers with “slow” in them."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0, *, key: str = "", latency: float = 0.0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.key = key
        self.latency = latency
        self.faults: deque[Fault] = deque()
        self.asked: list[dict[str, Any]] = []
        self.waiting = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        """The base address, with its version."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return a completion that repeats the last message."""
        said = question["messages"][-1]["content"]
        if "slow" in said:
            self.waiting.release()
            self.gate.wait(60)
        text = "" if said == "nothing" else f"You asked: {said}"
        tokens = sum(len(each["content"].split()) for each in question["messages"])
        return {
            "id": f"chatcmpl-{len(self.asked)}",
            "object": "chat.completion",
            "created": 1,
            "model": question["model"],
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            ],
            "usage": {
                "prompt_tokens": tokens,
                "completion_tokens": len(text.split()),
                "total_tokens": tokens + len(text.split()),
            },
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self._server()
        listed = [{"id": name, "object": "model", "created": 1, "owned_by": "fake"} for name in MODELS]
        self._turn(server, lambda: {"object": "list", "data": listed})

    def do_POST(self) -> None:
        server = self._server()
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append(question)
        time.sleep(server.latency)
        self._turn(server, lambda: server.answer(question))

    def _server(self) -> FakeAi:
        server = self.server
        if not isinstance(server, FakeAi):
            raise TypeError("this handler serves a FakeAi alone")
        return server

    def _turn(self, server: FakeAi, answer: Any) -> None:
        if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
            told = f"Incorrect API key provided: {self.headers.get('Authorization', '')}"
            self._send(401, {"error": {"message": told, "code": "invalid_api_key"}})
            return
        fault = server.faults.popleft() if server.faults else None
        if fault is None:
            self._send(200, answer())
        elif fault.raw is not None:
            self._send_bytes(fault.status, fault.raw, fault.headers)
        else:
            self._send(fault.status, {"error": fault.error}, fault.headers)

    def _send(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(data).encode(), headers or {})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            named = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
            for name, value in named.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has gone: a time-out is being tried

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing."""


@contextmanager
def running(*, key: str = "", latency: float = 0.0) -> Iterator[FakeAi]:
    """Run a fake provider in a thread for the length of a `with` block."""
    fake = FakeAi(key=key, latency=latency)
    thread = threading.Thread(target=fake.serve_forever, args=(0.05,), name="fake-ai")
    thread.start()
    try:
        yield fake
    finally:
        fake.gate.set()
        fake.shutdown()
        thread.join()
        fake.server_close()


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m bench.fake_ai", description="A fake AI provider.")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one")
    parser.add_argument("--key", default="", help="the only key taken (default: any)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    args = parser.parse_args()
    fake = FakeAi(args.port, key=args.key, latency=args.latency)
    print(f"fake AI on {fake.url}", flush=True)
    fake.serve_forever()


if __name__ == "__main__":
    main()
