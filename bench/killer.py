"""The torture's killer and supervisor: who dies when, who is started again, and how long that took."""

import asyncio
import random
from collections import Counter

from bench.load import Load, until
from bench.processes import Member, Part, family, survivors
from bench.product import Product

# Kills wait until the product has served again, so long at most.
SERVED_WITHIN = 15  # seconds


class Killer:
    """Ends random processes with SIGKILL and starts them again; its draws come from `rng` alone."""

    def __init__(self, product: Product, load: Load, rng: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.deaths: list[str] = []
        self._load = load
        self._rng = rng
        self._parts = [part for name, part in product.parts.items() if name != "postgres"]
        self._deck: list[Part] = []
        # A process is between its end and its next start only under this lock.
        self._restarting = asyncio.Lock()
        self._seen: dict[int, Member] = {}

    async def run(self, shares: list[int], rate: float) -> None:
        """Send each share of messages, `rate` a second, and kill once at a random moment of it.

        Users pause between shares while the product needs longer to serve again than the share takes: every
        kill hits a product under load, however long it takes to start.
        """
        for share in shares:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._load.open(rate, share))
                await asyncio.sleep(self._rng.random() * share / rate)
                await self._kill(self._next())

    def _next(self) -> Part:
        # A shuffled deck: each process is killed about as often as the others, also in a short run.
        if not self._deck:
            self._deck = self._rng.sample(self._parts, len(self._parts))
        return self._deck.pop()

    async def _kill(self, part: Part) -> None:
        async with self._restarting:
            self._seen |= family([part.pid])
            part.kill()
            self.kills[part.name] += 1
            await asyncio.sleep(self._rng.uniform(0.2, 1.0))
            part.start()
        await self._served()

    async def _served(self) -> None:
        """Wait until a webhook is acknowledged and a reply sent after a restart."""
        load = self._load
        acks, replies, began = load.acks, load.replies, asyncio.get_running_loop().time()
        if replies == load.sent:
            return
        await until(
            lambda: load.replies > replies and (load.acks > acks or load.acks == load.sent), SERVED_WITHIN
        )
        self.recoveries.append(asyncio.get_running_loop().time() - began)

    async def supervise(self) -> None:
        """Start again whoever ends without having been killed, as systemd would, until cancelled."""
        while True:
            await asyncio.sleep(0.3)
            async with self._restarting:
                for part in self._parts:
                    await self._revive(part)

    async def _revive(self, part: Part) -> None:
        if not part.alive:
            self.deaths.append(f"--- {part.name} ended by itself:\n{part.log_end()}")
            await asyncio.sleep(1)
            part.start()

    def leftovers(self) -> int:
        """Count processes that outlived a kill of their parent: none of them serves anybody any more."""
        return len(survivors(self._seen))
