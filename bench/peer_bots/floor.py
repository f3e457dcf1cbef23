"""Echo bot of the least that keeps a message before it answers: one process, raw sockets, one table, a compiled script.

It has no sandbox, no order, no retry, no record of what was sent, no pages: what a Python process pays all the same.
"""

import asyncio
import hmac
import os
import queue
import signal
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orjson
from RestrictedPython.compile import compile_restricted

from bench.poster import Poster
from bench.product import SECRETS
from bench.wire import Answer, Message, Respond, Server

_SCRIPT = compile_restricted("reply = text[6:]", "echo", "exec")
_OK, _UNSIGNED, _READY = Answer(200), Answer(401), Answer(200, b"{}")
_CONNECTIONS = 64

Done = Callable[[], None]


class _Inbox(threading.Thread):
    """Inserts what is waiting in one durable transaction, and tells the loop once a commit."""

    def __init__(self, file: Path, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self._file, self._loop = file, loop
        self._waiting: queue.SimpleQueue[tuple[str, bytes, Done]] = queue.SimpleQueue()

    def add(self, message_id: str, body: bytes, done: Done) -> None:
        self._waiting.put((message_id, body, done))

    def run(self) -> None:
        db = sqlite3.connect(self._file, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE inbox (id INTEGER PRIMARY KEY, message_id TEXT UNIQUE, body BLOB)")
        while True:
            group = [self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get())
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT OR IGNORE INTO inbox (message_id, body) VALUES (?, ?)", [each[:2] for each in group]
            )
            db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_call_all, [done for *_, done in group])


def _call_all(group: list[Done]) -> None:
    for done in group:
        done()


class _Bot:
    def __init__(self, inbox: _Inbox, graph: Poster) -> None:
        self._inbox, self._graph = inbox, graph

    def handle(self, request: Message, respond: Respond) -> None:
        """Check the signature, keep the message, then answer the webhook and send the reply."""
        if not request.start.startswith(b"POST "):
            respond(_READY)
            return
        signature = request.headers.get(b"x-hub-signature-256", b"").removeprefix(b"sha256=")
        digest = hmac.digest(SECRETS.app_secret.encode(), request.body, "sha256").hex().encode()
        if not hmac.compare_digest(signature, digest):
            respond(_UNSIGNED)
            return
        value = orjson.loads(request.body)["entry"][0]["changes"][0]["value"]
        if "messages" not in value:
            respond(_OK)
            return
        message = value["messages"][0]
        self._inbox.add(message["id"], request.body, partial(self._reply, message, respond))

    def _reply(self, message: dict[str, dict[str, str]], respond: Respond) -> None:
        respond(_OK)
        names = {
            "text": message["text"]["body"],
            "__builtins__": {},
            "_getitem_": lambda value, key: value[key],
        }
        exec(_SCRIPT, names)  # noqa: S102  the floor of what a compiled script costs
        text = {
            "messaging_product": "whatsapp",
            "to": message["from"],
            "type": "text",
            "text": {"body": names["reply"]},
        }
        self._graph.post(
            orjson.dumps(text), f"Authorization: Bearer {SECRETS.token}\r\n", lambda _status: None
        )


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    inbox = _Inbox(Path(os.environ["BRAINBOX_DATA"]) / "floor.db", loop)
    inbox.start()
    graph_port = int(os.environ["GRAPH_BASE_URL"].rpartition(":")[2])
    graph = Poster(graph_port, f"/v21.0/{SECRETS.phone_id}/messages", _CONNECTIONS)
    server = Server(_Bot(inbox, graph).handle)
    await server.start(int(os.environ["PORT"]))
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
