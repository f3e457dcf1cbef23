"""The load: signed webhooks with one text "!echo hello N" each, and what became of every one of them."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Literal

from bench.graph import Accepted
from bench.poster import Poster, signature_line

# Meta tries again at once, then ever slower; a bench has less patience.
FIRST_RETRY = 0.05  # seconds
LAST_RETRY = 0.5
MAX_TRIES = 1000

_BODY = json.dumps(
    {
        "object": "whatsapp_business_account",
        "entry": [{"id": "0", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": "{phone_id}"},
            "contacts": [{"profile": {"name": "User {user}"}, "wa_id": "{phone}", "user_id": "US.{phone}"}],
            "messages": [{"from": "{phone}", "from_user_id": "US.{phone}", "id": "wamid.{run}{number}",
                          "timestamp": "{now}", "type": "text", "text": {"body": "!echo hello {number}"}}],
        }}]}],
    },
    separators=(",", ":"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Where webhooks go and how they are signed; `run` makes the message ids of two loads differ."""

    port: int
    path: str
    secret: str
    phone_id: str
    run: str
    users: int = 200
    connections: int = 32
    # A contact's first digits: other users for another load.
    prefix: int = 1555
    # Every so manieth webhook is delivered twice at once; 0 = none.
    twice_every: int = 0


@dataclass(slots=True)
class Ledger:
    """Moments of each message by its number, in loop seconds (0 = not yet), and every reply in order."""

    due: list[float] = field(default_factory=list)
    acked: list[float] = field(default_factory=list)
    replied: list[float] = field(default_factory=list)
    # Numbers in the order the Graph took their replies, by user.
    order: dict[int, list[int]] = field(default_factory=dict)
    duplicates: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    # Tries that were not answered 200, by status (0 = no answer).
    refused: Counter[int] = field(default_factory=Counter)

    def lost(self) -> list[int]:
        """Return the numbers that got no reply."""
        return [number for number, at in enumerate(self.replied) if not at]

    def overtaken(self) -> list[int]:
        """Return the numbers whose reply came before that of an earlier message of the same user."""
        return [late for numbers in self.order.values() for early, late in pairwise(numbers) if late < early]

    def ack_ms(self) -> list[float]:
        """Return the time to the 200 of each acknowledged message, retries included."""
        return [1000 * (at - due) for due, at in zip(self.due, self.acked, strict=True) if at]

    def reply_ms(self) -> list[float]:
        """Return the time to the reply's arrival at the Graph of each answered message."""
        return [1000 * (at - due) for due, at in zip(self.due, self.replied, strict=True) if at]


class Load:
    """Sends webhooks and watches replies; give `replied` to a fake Graph of the same loop as `on_accept`.

    A user's next message waits for the acknowledgement of the one before: two webhooks under way at once
    would have no order that replies could keep.
    """

    def __init__(self, target: Target, clock: Callable[[], float]) -> None:
        self.target = target
        self.ledger = Ledger()
        self._clock = clock
        self._poster = Poster(target.port, target.path, target.connections)
        self._secret = target.secret.encode()
        self._template = self._fill(_BODY, phone_id=target.phone_id, run=target.run)
        self._tries: dict[int, int] = {}
        self._busy: dict[int, deque[int]] = {}
        self._replies = 0
        self._acks = 0
        # What sends the next message in a closed loop.
        self._trigger: Literal["ack", "reply"] | None = None

    @staticmethod
    def _fill(text: str, **values: str) -> str:
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text

    @property
    def sent(self) -> int:
        """Messages due so far."""
        return len(self.ledger.due)

    @property
    def acks(self) -> int:
        """Messages acknowledged so far."""
        return self._acks

    @property
    def replies(self) -> int:
        """Messages answered so far."""
        return self._replies

    def send(self) -> None:
        """Send the next message: its time runs from now."""
        ledger = self.ledger
        number = len(ledger.due)
        ledger.due.append(asyncio.get_running_loop().time())
        ledger.acked.append(0.0)
        ledger.replied.append(0.0)
        user = number % self.target.users
        waiting = self._busy.get(user)
        if waiting is None:
            self._busy[user] = deque()
            self._post(number)
        else:
            waiting.append(number)

    def _post(self, number: int) -> None:
        user = number % self.target.users
        text = self._template.replace("{phone}", self.phone(user)).replace("{number}", str(number))
        body = text.replace("{user}", str(user)).replace("{now}", str(int(self._clock()))).encode()
        signature = signature_line(self._secret, body)
        self._poster.post(body, signature, partial(self._answered, number))
        if self.target.twice_every and number % self.target.twice_every == 0:
            self._poster.post(body, signature, lambda _status: None)

    def phone(self, user: int) -> str:
        """Return the digits of a user."""
        return f"{self.target.prefix}{user:07d}"

    def _answered(self, number: int, status: int) -> None:
        loop = asyncio.get_running_loop()
        if status != 200:
            self.ledger.refused[status] += 1
            tries = self._tries[number] = self._tries.get(number, 0) + 1
            if tries < MAX_TRIES:
                loop.call_later(min(LAST_RETRY, FIRST_RETRY * 2 ** min(tries, 8)), self._post, number)
            return
        self.ledger.acked[number] = loop.time()
        self._acks += 1
        waiting = self._busy[number % self.target.users]
        if waiting:
            self._post(waiting.popleft())
        else:
            del self._busy[number % self.target.users]
        if self._trigger == "ack":
            self.send()

    def replied(self, accepted: Accepted) -> None:
        """Note a reply the Graph took."""
        text, to = accepted.text, accepted.send.to.rpartition(".")[2]
        number = int(text[6:]) if text.startswith("hello ") and text[6:].isdigit() else -1
        if not 0 <= number < self.sent or self.phone(number % self.target.users) != to:
            self.ledger.wrong.append(f"{to}: {text}")
            return
        if self.ledger.replied[number]:
            self.ledger.duplicates.append(number)
            return
        self.ledger.replied[number] = asyncio.get_running_loop().time()
        self.ledger.order.setdefault(number % self.target.users, []).append(number)
        self._replies += 1
        if self._trigger == "reply":
            self.send()

    async def closed(self, window: int, seconds: float) -> None:
        """Keep `window` messages without a reply for `seconds`."""
        await self._keep("reply", window, seconds)

    async def burst(self, seconds: float) -> None:
        """Send as fast as acknowledgements come back, one message a connection, for `seconds`."""
        await self._keep("ack", self.target.connections, seconds)

    async def _keep(self, trigger: Literal["ack", "reply"], window: int, seconds: float) -> None:
        self._trigger = trigger
        for _ in range(window):
            self.send()
        await asyncio.sleep(seconds)
        self._trigger = None

    async def open(self, rate: float, count: int) -> None:
        """Send `count` messages, `rate` a second, whatever becomes of them."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place in range(count):
            wait = began + place / rate - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self.send()

    async def drained(self, patience: float) -> bool:
        """Wait until every message is acknowledged and answered, `patience` seconds at most."""
        return await until(lambda: self.acks == self.replies == self.sent, patience)

    async def close(self) -> None:
        """Drop the connections."""
        await self._poster.close()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie; 0 of no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def until(condition: Callable[[], bool], patience: float) -> bool:
    """Wait until `condition` holds, `patience` seconds at most, and tell whether it does."""
    deadline = asyncio.get_running_loop().time() + patience
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
