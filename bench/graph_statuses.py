"""Status webhooks of the fake Graph API: signed, batched, posted until taken (specs: whatsapp A6, A8)."""

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from bench.poster import Poster, signature_line

# Falling frequency like Meta's, but never slow: a status must not come later than the product's grace period.
FIRST_RETRY = 0.1  # seconds
LAST_RETRY = 0.5
MAX_TRIES = 600
TICK = 0.005


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """Where and when statuses go: the first `delay` seconds after the send, each further one `gap` later."""

    port: int
    secret: str
    path: str = "/webhooks/whatsapp"
    kinds: tuple[str, ...] = ("sent", "delivered", "read")
    delay: float = 0.1
    gap: float = 0.02
    batch: int = 4
    connections: int = 16


class Send(NamedTuple):
    """One accepted send, as its receipts name it."""

    phone_id: str
    to: str
    key: str | None
    wamid: str


class _Due(NamedTuple):
    at: float
    send: Send


class StatusPoster:
    """Posts receipts of sends; `counts` has statuses, posts, acked, retries and given_up."""

    def __init__(
        self, options: StatusOptions, rng: random.Random, clock: Callable[[], float], counts: Counter[str]
    ) -> None:
        self.options = options
        self._rng = rng
        self._clock = clock
        self._counts = counts
        self._poster = Poster(options.port, options.path, options.connections)
        self._secret = options.secret.encode()
        self._due: tuple[deque[_Due], ...] = tuple(deque() for _ in options.kinds)
        self._ticking = False
        self._closed = False

    @property
    def pending(self) -> int:
        """Statuses not yet answered 200 (nor given up)."""
        counts = self._counts
        return counts["statuses"] - counts["statuses_acked"] - counts["statuses_given_up"]

    def add(self, send: Send) -> None:
        """Plan the receipts of a send."""
        now = asyncio.get_running_loop().time()
        for place, due in enumerate(self._due):
            due.append(_Due(now + self.options.delay + place * self.options.gap, send))
        self._counts["statuses"] += len(self._due)
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(min(self.options.delay, TICK), self._tick)

    async def close(self) -> None:
        """Stop posting; what is still due is dropped."""
        self._closed = True
        await self._poster.close()

    def _tick(self) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        ready: list[tuple[str, Send]] = []
        for kind, due in zip(self.options.kinds, self._due, strict=True):
            while due and due[0].at <= now:
                ready.append((kind, due.popleft().send))
        while ready:
            size = self._rng.randint(1, self.options.batch)
            self._post(ready[:size])
            del ready[:size]
        self._ticking = any(self._due)
        if self._ticking:
            loop.call_later(TICK, self._tick)

    def _post(self, statuses: list[tuple[str, Send]]) -> None:
        body = _body(statuses, int(self._clock()))
        _Delivery(self, body, signature_line(self._secret, body), len(statuses)).attempt()

    def send(self, delivery: "_Delivery") -> None:
        """Post one webhook (called by the delivery)."""
        if not self._closed:
            self._counts["status_posts"] += 1
            self._poster.post(delivery.body, delivery.signature, delivery.answered)

    def settle(self, event: str, statuses: int) -> None:
        """Count what became of a webhook (called by the delivery)."""
        self._counts[event] += statuses


class _Delivery:
    """One status webhook and its tries."""

    def __init__(self, owner: StatusPoster, body: bytes, signature: str, size: int) -> None:
        self.body = body
        self.signature = signature
        self._owner = owner
        self._size = size
        self._tries = 0

    def attempt(self) -> None:
        self._tries += 1
        self._owner.send(self)

    def answered(self, status: int) -> None:
        if status == 200:
            self._owner.settle("statuses_acked", self._size)
        elif self._tries >= MAX_TRIES:
            self._owner.settle("statuses_given_up", self._size)
        else:
            self._owner.settle("status_retries", 1)
            wait = min(LAST_RETRY, FIRST_RETRY * 2 ** min(self._tries - 1, 8))
            asyncio.get_running_loop().call_later(wait, self.attempt)


def _body(statuses: list[tuple[str, Send]], now: int) -> bytes:
    by_phone = sorted(statuses, key=lambda item: item[1].phone_id)
    entries = [
        {"id": "0", "changes": [{"field": "messages", "value": _value(phone_id, list(group), now)}]}
        for phone_id, group in groupby(by_phone, key=lambda item: item[1].phone_id)
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def _value(phone_id: str, statuses: list[tuple[str, Send]], now: int) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": phone_id},
        "statuses": [_status(kind, send, now) for kind, send in statuses],
    }


def _status(kind: str, send: Send, now: int) -> dict[str, Any]:
    status: dict[str, Any] = {
        "id": send.wamid,
        "status": kind,
        "timestamp": str(now),
        # A business-scoped id has a dot in it, a phone number none.
        "recipient_user_id" if "." in send.to else "recipient_id": send.to,
    }
    if send.key is not None:
        status["biz_opaque_callback_data"] = send.key
    if kind in ("sent", "delivered"):
        status["pricing"] = {"billable": False, "pricing_model": "PMP", "type": "free_customer_service",
                             "category": "service"}  # fmt: skip
    return status
