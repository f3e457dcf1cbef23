"""Browsers that watch: `python -m bench.browsers --browsers 50 --browsers 500` prints what live pages cost.

Each browser is a signed-in Socket.IO client on a websocket that watches the chat list, the dashboard and one chat of
its own, as an open inbox does. Webhooks come in at a steady rate. Measured is the time from the moment a message is
stored (its webhook's 200) to the event at the browser that watches its chat, and the processor time of the product.
"""

import argparse
import asyncio
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import aiohttp
import socketio
from sqlalchemy import select

from app.bot.models import Chat, Contact
from app.db.engine import make_engine
from bench.graph import FakeGraph, Options
from bench.load import Load, percentile
from bench.processes import cpu_seconds, free_port, pss_mb, unwind_on_sigterm
from bench.product import Layout, Product
from bench.report import NOTE, machine
from bench.rig import Rig

LOGIN = {"email": "bench@example.com", "password": "bench password 1"}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
# Threads besides those the browsers' websockets hold.
SPARE_THREADS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """How many browsers, one run after the other, and the messages a second for how many seconds."""

    browsers: list[int]
    rate: float
    seconds: float


@dataclass(slots=True)
class Crowd:
    """The browsers of a run, and when (loop seconds) events of each topic reached somebody."""

    url: str
    cookie: str
    clients: list[socketio.AsyncClient] = field(default_factory=list)
    heard: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    events: int = 0

    async def join(self, chat_ids: list[int]) -> None:
        """Connect a browser for each of these chats."""
        for chat_id in chat_ids:
            await self._add(chat_id)

    async def _add(self, chat_id: int) -> None:
        client = socketio.AsyncClient(reconnection=False)
        client.on("changed", self._changed)
        await client.connect(
            self.url, headers={"Cookie": self.cookie}, transports=["websocket"], wait_timeout=30
        )
        granted = await client.call(
            "watch", {"topics": ["chats", "dashboard", f"chat:{chat_id}"]}, timeout=30
        )
        if len(granted) != 3:
            raise RuntimeError(f"a browser may watch {granted} only")
        self.clients.append(client)

    async def _changed(self, event: dict[str, str]) -> None:
        self.events += 1
        if event["topic"].startswith("chat:"):
            self.heard[event["topic"]].append(asyncio.get_running_loop().time())

    async def leave(self) -> None:
        """Close every browser."""
        await asyncio.gather(*(client.disconnect() for client in self.clients))


async def _sign_in(url: str) -> str:
    """Sign in as the bench's owner and return the cookie header of the session."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(f"{url}/login") as page:
            token = TOKEN.search(await page.text())
        if token is None:
            raise RuntimeError("the sign-in page has no form token")
        form = {**LOGIN, "csrf_token": token[1]}
        async with http.post(f"{url}/login", data=form, allow_redirects=False) as answer:
            if answer.status != 302:
                raise RuntimeError(f"the sign-in was answered {answer.status}")
        cookies = SimpleCookie({cookie.key: cookie.value for cookie in http.cookie_jar})
        return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


def _chats(product: Product, phones: list[str]) -> list[int]:
    """Return the chats of these people, in their order."""
    url = product.env.get("DATABASE_URL") or f"sqlite:///{product.folder / 'data' / 'brainbox.db'}"
    engine = make_engine(url)
    with engine.connect() as db:
        query = select(Contact.phone, Chat.id).join(Chat, Chat.contact_id == Contact.id)
        found = {row.phone: row.id for row in db.execute(query)}
    engine.dispose()
    return [found[phone] for phone in phones]


async def _measure(rig: Rig[Product], plan: Plan, browsers: int) -> dict[str, str]:
    """Let so many browsers watch a steady stream of messages; returns the figures of a row."""
    product = rig.product
    url = f"http://127.0.0.1:{product.port}"
    load = rig.load(users=browsers)
    await load.open(rate=200, count=browsers)
    await load.drained(60)
    crowd = Crowd(url, await _sign_in(url))
    chats = _chats(product, [load.phone(user) for user in range(browsers)])
    await crowd.join(chats)
    await asyncio.sleep(1)
    crowd.events = 0
    first, cpu, began = load.sent, cpu_seconds(product.own_pids), asyncio.get_running_loop().time()
    await load.open(plan.rate, int(plan.rate * plan.seconds))
    seconds = asyncio.get_running_loop().time() - began
    cpu = cpu_seconds(product.own_pids) - cpu
    await load.drained(60)
    await asyncio.sleep(1)
    waits = _waits(load, crowd, chats, first)
    lost = sum(wait is None for wait in waits)
    known = [max(0.0, wait) * 1000 for wait in waits if wait is not None]
    row = {
        "browsers": str(browsers),
        "commit to event p50 / p99 ms": f"{percentile(known, 0.5):.0f} / {percentile(known, 0.99):.0f}",
        "messages without an event": f"{lost} of {len(waits)}",
        "events a second": f"{crowd.events / seconds:.0f}",
        "product CPU": f"{cpu / seconds:.0%} of a core",
        "PSS": f"{pss_mb(product.own_pids):.0f} MB",
    }
    await crowd.leave()
    await load.close()
    return row


def _waits(load: Load, crowd: Crowd, chats: list[int], first: int) -> list[float | None]:
    """Return for each message the seconds from its acknowledgement to the first event since it was sent."""
    waits: list[float | None] = []
    for number in range(first, load.sent):
        heard = crowd.heard[f"chat:{chats[number % len(chats)]}"]
        at = next((moment for moment in heard if moment >= load.ledger.due[number]), None)
        waits.append(None if at is None else at - load.ledger.acked[number])
    return waits


async def _run(product: Product, graph_port: int, plan: Plan) -> list[dict[str, str]]:
    graph = FakeGraph(Options())
    await graph.start(graph_port)
    rig = Rig(product, graph)
    rows = []
    try:
        for browsers in plan.browsers:
            rows.append(await _measure(rig, plan, browsers))
            print(rows[-1], file=sys.stderr, flush=True)
    finally:
        await graph.stop()
    return rows


def main() -> None:
    """Run each number of browsers against one installation and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m bench.browsers", description="Measure live pages.")
    parser.add_argument("--layout", choices=list(Layout), default=Layout.EMBEDDED)
    parser.add_argument("--browsers", type=int, action="append", help="repeatable (default: 50 and 500)")
    parser.add_argument("--rate", type=float, default=20, help="messages a second")
    parser.add_argument("--seconds", type=float, default=15)
    args = parser.parse_args()
    plan = Plan(args.browsers or [50, 500], args.rate, args.seconds)
    unwind_on_sigterm()
    about, port = machine(), free_port()
    threads = {"WEB_THREADS": str(max(plan.browsers) + SPARE_THREADS)}
    with Product(Layout(args.layout), f"http://127.0.0.1:{port}", extra_env=threads) as product:
        product.start()
        rows = asyncio.run(_run(product, port, plan))
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    print(
        "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{args.layout}, {about}.\n{NOTE}"
    )


if __name__ == "__main__":
    main()
