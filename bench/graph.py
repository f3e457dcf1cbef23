"""A fake Graph API on loopback: sends, media, phone details, faults on demand and status webhooks.

bench.fake_graph runs it, as a program or in a thread.
"""

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from bench.graph_answers import done, missing_object, new_wamid, refusal, success
from bench.graph_control import CONTROLS, DROPPED, control, planned_answer
from bench.graph_media import MediaStore
from bench.graph_statuses import Send, StatusOptions, StatusPoster
from bench.graph_templates import EXAMPLES, listed
from bench.wire import Answer, Message, Respond, Server


@dataclass(frozen=True, slots=True)
class Options:
    """How the fake behaves; rates are shares of sends between 0 and 1."""

    token: str = ""  # "" = any Bearer token
    phones: frozenset[str] = frozenset()  # empty = any
    latency_ms: float = 0
    jitter_ms: float = 0
    error_rate: float = 0
    throttle_share: float = 0.5  # share of errors that are 429, the rest are 500
    retry_after: int | None = None  # seconds, told with a 429
    drop_rate: float = 0  # accepted, but the connection closes without an answer
    seed: int = 1
    schema: Path | None = None


class Accepted(NamedTuple):
    """One send the Graph took; `at` is unix seconds, `text` the body of a text message."""

    at: float
    send: Send
    text: str
    request: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the row of GET /_log."""
        return {"at": self.at, "text": self.text, "request": self.request, **self.send._asdict()}


class FakeGraph:
    """The fake: options may be replaced while it runs; `log` has every accepted send, `counts` the rest."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.clock = clock
        self.log: list[Accepted] = []
        self.read_marks: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.planned: dict[str, deque[dict[str, Any]]] = {}
        self.on_accept: Callable[[Accepted], None] = lambda _accepted: None
        self.media = MediaStore(clock)
        self.templates = list(EXAMPLES)
        self._rng = random.Random(options.seed)
        self._statuses: StatusPoster | None = None
        self._server = Server(self._handle)
        self._number = 0
        self._validator = options.schema and Draft202012Validator(json.loads(options.schema.read_text()))

    @property
    def url(self) -> str:
        """Address to give the product as GRAPH_BASE_URL."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def pending_statuses(self) -> int:
        """Status webhooks not yet answered 200."""
        return self._statuses.pending if self._statuses else 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Close every connection and drop what is still due."""
        await self.post_statuses(None)
        await self._server.stop()

    async def post_statuses(self, options: StatusOptions | None) -> None:
        """Post status webhooks from now on, or stop doing so; what was due before is dropped."""
        if self._statuses is not None:
            await self._statuses.close()
        rng = random.Random(self.options.seed)
        self._statuses = options and StatusPoster(options, rng, self.clock, self.counts)

    def log_rows(self, since: int) -> list[dict[str, Any]]:
        """Return the accepted sends from number `since` on, as JSON."""
        return [accepted.as_json() for accepted in self.log[since:]]

    def stats(self) -> dict[str, int]:
        """Return what was counted, and the statuses still to be taken."""
        return {**self.counts, "statuses_pending": self.pending_statuses}

    def reset(self) -> None:
        """Forget the log, the counts and the planned answers."""
        self.log.clear()
        self.read_marks.clear()
        self.counts.clear()
        self.planned.clear()

    def plan(self, *rows: dict[str, Any]) -> None:
        """Queue answers for coming requests, each used once, oldest first.

        A row is `{http_status, body, headers?}`, `{code, details?, retry_after?}` for an error of that code,
        or `{drop: "before" | "after"}` for a connection closed before or after accepting; `on` says for
        which requests: messages (default), media, get or delete.
        """
        for row in rows:
            self.planned.setdefault(row.get("on", "messages"), deque()).append(row)

    def _handle(self, message: Message, respond: Respond) -> None:
        method, target, _ = message.start.decode().split(" ", 2)
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if parts[0] in CONTROLS:
            respond(control(self, parts[0], message, query))
            return
        self.counts["requests"] += 1
        self._after_latency(partial(respond, self._graph(method, parts, query, message)))

    def _after_latency(self, answer: Callable[[], None]) -> None:
        options = self.options
        wait = options.latency_ms + self._rng.uniform(-options.jitter_ms, options.jitter_ms)
        if wait > 0:
            asyncio.get_running_loop().call_later(wait / 1000, answer)
        else:
            answer()

    def _graph(self, method: str, parts: list[str], query: str, message: Message) -> Answer:
        denied = self._denied(message)
        if denied is not None:
            return denied
        if parts[0] == "_media":
            return self.media.download(query)
        kind = parts[2] if method == "POST" and len(parts) == 3 else method.lower()
        queue = self.planned.get(kind)
        if queue:
            return self._follow(queue.popleft(), kind, parts, message)
        return self._object(kind, parts, query, message)

    def _object(self, kind: str, parts: list[str], query: str, message: Message) -> Answer:
        if len(parts) < 2 or not self._known(parts[1]):
            return missing_object(parts[-1])
        if kind == "messages":
            return self._send(parts[1], message)
        if kind == "media":
            return self.media.upload(message)
        if kind == "delete":
            return self.media.delete(parts[1])
        return self._read(parts, query) if kind == "get" else missing_object(parts[1])

    def _read(self, parts: list[str], query: str) -> Answer:
        if parts[2:] == ["message_templates"]:
            return listed(self.templates, query)
        if parts[1] in self.media:
            return self.media.resolve(parts[1], self.url)
        return self._phone(parts[1]) if "fields=" in query else missing_object(parts[1])

    def _known(self, object_id: str) -> bool:
        phones = self.options.phones
        return not phones or object_id in phones or object_id in self.media

    def _phone(self, phone_id: str) -> Answer:
        body = {"id": phone_id, "display_phone_number": "+1 555-078-3881", "verified_name": "Fake Graph",
                "quality_rating": "GREEN", "throughput": {"level": "STANDARD"}}  # fmt: skip
        return Answer(200, json.dumps(body).encode())

    def _denied(self, message: Message) -> Answer | None:
        scheme, _, token = message.headers.get(b"authorization", b"").decode().partition(" ")
        if scheme != "Bearer" or not token:
            return refusal(104)
        return refusal(190) if self.options.token not in ("", token) else None

    def _follow(self, row: dict[str, Any], kind: str, parts: list[str], message: Message) -> Answer:
        answer = planned_answer(row)
        ids = row["body"].get("messages") if answer.status == 200 and kind == "messages" else None
        if ids:
            self._accept(parts[1], json.loads(message.body), ids[0]["id"])
        elif row.get("drop") == "after" and kind == "messages":
            self._send(parts[1], message)
        return answer

    def _send(self, phone_id: str, message: Message) -> Answer:
        try:
            request = json.loads(message.body)
        except ValueError:
            return refusal(100, "The body is not valid JSON.")
        fault = self._fault(request) or self._chance()
        if fault is not None:
            self.counts[f"refused_{fault.status}"] += 1
            return fault
        if request.get("status") == "read":
            self.counts["reads"] += 1
            self.read_marks.append(request)
            return done()
        self._number += 1
        wamid = new_wamid(request.get("to") or request["recipient"], self._number)
        self._accept(phone_id, request, wamid)
        if self._rng.random() < self.options.drop_rate:
            self.counts["dropped"] += 1
            return DROPPED
        return success(request, wamid)

    def _fault(self, request: Any) -> Answer | None:
        if not isinstance(request, dict) or request.get("messaging_product") != "whatsapp":
            return refusal(100, "The parameter messaging_product is required.")
        if "status" not in request and not (request.get("to") or request.get("recipient")):
            return refusal(100, "The parameter to is required.")
        wrong = best_match(self._validator.iter_errors(request)) if self._validator else None
        return refusal(100, wrong.message[:300]) if wrong else None

    def _chance(self) -> Answer | None:
        options = self.options
        if options.error_rate == 0 or self._rng.random() >= options.error_rate:
            return None
        if self._rng.random() < options.throttle_share:
            return refusal(130429, "Cloud API message throughput has been reached.", options.retry_after)
        return refusal(131000, "Message failed to send due to an unknown error.")

    def _accept(self, phone_id: str, request: dict[str, Any], wamid: str) -> None:
        to = (request.get("to") or request["recipient"]).lstrip("+")
        send = Send(phone_id, to, request.get("biz_opaque_callback_data"), wamid)
        text = request["text"]["body"] if request.get("type") == "text" else ""
        accepted = Accepted(self.clock(), send, text, request)
        self.log.append(accepted)
        self.counts["accepted"] += 1
        if self._statuses is not None:
            self._statuses.add(send)
        self.on_accept(accepted)
