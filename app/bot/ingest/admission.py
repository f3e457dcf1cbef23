"""Limits of what strangers may hold: connections, unverified bytes, threads of the web server, log lines."""

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address
from typing import Final, Protocol

import structlog

from app.bot.ingest.webhook import Answer

log = structlog.get_logger(__name__)

LOG_INTERVAL_S: Final = 60
QUEUE_TIMEOUT_S: Final = 10
# Descriptors are also the database's, the sandbox's, and three for every page that is passed on.
_SHARE_OF_DESCRIPTORS: Final = 4
_WANTED_DESCRIPTORS: Final = 65_536
TOO_MUCH: Final[Answer] = ("503 Service Unavailable", b"Too much arrives at once. Deliver again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """Limits of the edge server: seconds, bytes, connections, threads."""

    header_s: float = 10
    body_s: float = 30
    connections: int = 4_096
    connections_per_address: int = 256
    unverified_bytes: int = 32 * 1024 * 1024
    threads: int = 256
    keep_alive_s: float = 75
    # A caller who reads nothing of an answer for so long is gone.
    stall_s: float = 30


class Held(Protocol):
    """A connection, as the limits see it."""

    address: str
    held_bytes: int
    deadline: float
    transport: asyncio.Transport

    @property
    def is_answering_here(self) -> bool:
        """Whether a request is answered here, such as a webhook that waits for its commit."""
        ...

    def refuse(self, reason: str, answer: Answer | None = None) -> None:
        """Count a refusal, answer with it when nothing else is being answered, and close."""
        ...

    def close_late(self) -> None:
        """Close a connection that did not keep its deadline."""
        ...


def set_descriptor_limit() -> int:
    """Raise this process's limit of open descriptors as far as it may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft if soft != resource.RLIM_INFINITY else _WANTED_DESCRIPTORS


class ConnectionTable:
    """Open connections; beyond the limit the one that has been idle longest is closed."""

    def __init__(self, limits: EdgeLimits, descriptors: int, *, behind_proxy: bool) -> None:
        self.limit = max(16, min(limits.connections, descriptors // _SHARE_OF_DESCRIPTORS))
        self._per_address = limits.connections_per_address
        self._behind_proxy = behind_proxy
        self._all: set[Held] = set()
        # In the order in which they became idle; those that never sent a whole request go first.
        self._new: dict[Held, None] = {}
        self._idle: dict[Held, None] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._all))

    def add(self, connection: Held) -> str:
        """Take a connection in, or return the reason why not."""
        address = connection.address
        if self._by_address[address] >= self._per_address and not self._is_shared(address):
            return "too many connections of one address"
        if len(self._all) >= self.limit and not self._close_oldest():
            return "too many connections"
        self._all.add(connection)
        self._by_address[address] += 1
        self._new[connection] = None
        return ""

    def mark_busy(self, connection: Held) -> None:
        """Note that a request of a connection is being answered: it is not closed meanwhile."""
        self._new.pop(connection, None)
        self._idle.pop(connection, None)

    def mark_idle(self, connection: Held) -> None:
        """Note that a connection waits for its next request."""
        if connection in self._all:
            self._idle[connection] = None

    def remove(self, connection: Held) -> None:
        """Forget a closed connection."""
        if connection in self._all:
            self._all.discard(connection)
            self.mark_busy(connection)
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]

    def _close_oldest(self) -> bool:
        for order in (self._new, self._idle):
            if order:
                oldest = next(iter(order))
                self.remove(oldest)
                oldest.refuse("idle connections closed for new ones")
                return True
        return False

    def _is_shared(self, address: str) -> bool:
        """Tell whether many people may come from one address: a proxy's."""
        return self._behind_proxy or not address or ip_address(address.partition("%")[0]).is_loopback


class ByteBudget:
    """One bound for all bytes that unfinished requests hold or announce; the largest makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._holders: dict[Held, None] = {}
        self.total = 0

    def hold(self, connection: Held, size: int) -> None:
        """Count bytes; whoever holds most is refused while there are too many."""
        connection.held_bytes += size
        self.total += size
        self._holders[connection] = None
        while self.total > self._limit and self._holders:
            # The newest of equals: who came first may end.
            largest = max(reversed(self._holders), key=lambda each: each.held_bytes)
            self.release(largest)
            largest.refuse("bodies beyond the bound of all", TOO_MUCH)

    def release(self, connection: Held) -> None:
        """Give back all that a connection holds."""
        self._holders.pop(connection, None)
        self.total -= connection.held_bytes
        connection.held_bytes = 0


class Caller(Enum):
    """Who asks for a thread: a health check, a stranger, somebody who is signed in, a live page of theirs."""

    HEALTH = auto()
    STRANGER = auto()
    MEMBER = auto()
    SOCKET = auto()


class ThreadShares:
    """Shares of the web server's threads, so that none of the callers can take them all."""

    def __init__(self, threads: int) -> None:
        health = max(1, min(4, threads // 8))
        strangers = max(1, min(32, threads // 8))
        members = max(1, threads - health - strangers)
        # Live pages hold a thread each for as long as they are open: some are left to open pages with.
        sockets = max(1, members - max(1, members // 4))
        self._members = asyncio.Semaphore(members)
        self._shares = {
            Caller.HEALTH: asyncio.Semaphore(health),
            Caller.STRANGER: asyncio.Semaphore(strangers),
            Caller.SOCKET: asyncio.Semaphore(sockets),
        }

    @asynccontextmanager
    async def hold(self, caller: Caller) -> AsyncIterator[None]:
        """Hold a thread of the caller's share; raises TimeoutError when none comes free."""
        own = [self._shares[caller]] if caller in self._shares else []
        wanted = [*own, self._members] if caller in {Caller.MEMBER, Caller.SOCKET} else own
        taken: list[asyncio.Semaphore] = []
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT_S):
                for share in wanted:
                    await share.acquire()
                    taken.append(share)
            yield
        finally:
            for share in taken:
                share.release()


class RefusalLog:
    """Counts what was refused and writes one line a minute about it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._written_at = float("-inf")

    def count(self, reason: str) -> int:
        """Count one refusal; return how many there were since the last line."""
        self._counts[reason] += 1
        return self._counts[reason]

    def write_due(self) -> None:
        """Write the line when one is due."""
        now = self._clock()
        if self._counts and now - self._written_at >= LOG_INTERVAL_S:
            self._written_at = now
            counted, self._counts = self._counts, Counter()
            summary = ", ".join(f"{n} × {reason}" for reason, n in counted.most_common())
            log.warning("requests refused", count=counted.total(), reasons=summary)
