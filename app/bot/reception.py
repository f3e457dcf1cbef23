"""Reception: items of any channel handed to the writer, and what follows their commit."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app.bot import inbox
from app.bot.channels.contract import Item, Other
from app.bot.inbox import Accepted, Delivery
from app.bot.people import Places
from app.signals import changed, work_ready
from app.writer import Database

ALIVE_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one webhook carries: items by connection id, and what belongs to none."""

    parts: Sequence[tuple[int, Sequence[Item]]] = ()
    notices: Sequence[tuple[int | None, Other]] = ()


class Reception:
    """Stores items as transaction A, then rings; used by the webhook intake and the simulator alike."""

    def __init__(self, database: Database, clock: Callable[[], int], stale_after: int) -> None:
        self._database = database
        self._clock = clock
        self._stale_after = stale_after
        self._places = Places()
        self._alive: dict[int, int] = {}

    def take(self, parcel: Parcel) -> Accepted:
        """Store a parcel and return after the commit and its bell; raises SQLAlchemyError."""
        try:
            accepted = self.submit(parcel).result()
        except IntegrityError:
            # A chat this process remembers was erased meanwhile.
            self.forget()
            accepted = self.submit(parcel).result()
        self.follow(parcel, accepted)
        return accepted

    def submit(self, parcel: Parcel) -> "Future[Accepted]":
        """Queue a parcel; when the future resolves, the caller calls `follow`."""
        now = self._clock()
        delivery = Delivery(parcel.parts, parcel.notices, now, now - self._stale_after, self._places)
        return self._database.writer.submit(inbox.accept, delivery)

    def follow(self, parcel: Parcel, accepted: Accepted) -> None:
        """Do what follows a commit: remember, ring, tell the browsers. Never blocks."""
        now = self._clock()
        self._places.learn(accepted.learned)
        self._prove_alive({connection_id for connection_id, _ in parcel.parts}, now)
        if accepted.resolved:
            woken = self._database.writer.submit(inbox.wake, (accepted.resolved, now))
            woken.add_done_callback(lambda _done: work_ready.send(chats=len(accepted.resolved)))
        if accepted.ready:
            work_ready.send(chats=len(accepted.ready))
        if accepted.changed:
            changed.send(topics={"chats", "dashboard", *(f"chat:{i}" for i in accepted.changed)})
        if accepted.troubled:
            changed.send(topics={"failures"})

    def forget(self) -> None:
        """Forget the places remembered: one of them is gone."""
        self._places.clear()

    def _prove_alive(self, connection_ids: set[int], now: int) -> None:
        # Once a second is enough to prove that statuses can reach us, and spares a hot row.
        for connection_id in connection_ids:
            if now - self._alive.get(connection_id, 0) >= ALIVE_EVERY:
                self._alive[connection_id] = now
                self._database.writer.submit(inbox.prove_alive, (connection_id, now))
