"""Reception: items of any channel handed to the writer, and what follows their commit."""

from collections.abc import Callable, Sequence

from app.bot import inbox
from app.bot.channels.contract import Item, Other
from app.bot.inbox import Accepted, Delivery
from app.bot.people import Places
from app.signals import changed, work_ready
from app.writer import Database

ALIVE_EVERY = 1_000


class Reception:
    """Stores items as transaction A, then rings; used by the webhook intake and the simulator alike."""

    def __init__(self, database: Database, clock: Callable[[], int], stale_after: int) -> None:
        self._database = database
        self._clock = clock
        self._stale_after = stale_after
        self._places = Places()
        self._alive: dict[int, int] = {}

    def take(
        self, parts: Sequence[tuple[int, Sequence[Item]]], notices: Sequence[tuple[int | None, Other]] = ()
    ) -> Accepted:
        """Store items, given by connection id, and return after the commit."""
        now = self._clock()
        delivery = Delivery(parts, notices, now, now - self._stale_after, self._places)
        writer = self._database.writer
        accepted = writer.submit(inbox.accept, delivery).result()
        self._places.learn(accepted.learned)
        self._prove_alive({connection_id for connection_id, _ in parts}, now)
        if accepted.resolved:
            writer.submit(inbox.wake, (accepted.resolved, now)).result()
        if accepted.ready or accepted.resolved:
            work_ready.send(chats=len(accepted.ready))
        if accepted.changed:
            changed.send(topics={"chats", "dashboard", *(f"chat:{i}" for i in accepted.changed)})
        return accepted

    def forget(self) -> None:
        """Forget the places remembered: one of them is gone."""
        self._places.clear()

    def _prove_alive(self, connection_ids: set[int], now: int) -> None:
        # Once a second is enough to prove that statuses can reach us, and spares a hot row.
        for connection_id in connection_ids:
            if now - self._alive.get(connection_id, 0) >= ALIVE_EVERY:
                self._alive[connection_id] = now
                self._database.writer.submit(inbox.prove_alive, (connection_id, now))
