"""Cache of contacts and chats, filled after commits; its size, and how often it looks for removed contacts (ms)."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection as Db
from sqlalchemy import select

from app.bot.identity import GONE_CONTACTS, ContactUnion
from app.bot.models import Counter
from app.channels.contract import Person
from app.phone_numbers import unify
from app.unicode import clean_name

ContactKey = tuple[int, str]
CACHE_SIZE = 20_000
# Between two looks whether another process has removed contacts (ms).
CHECK_INTERVAL_MS = 1_000


@dataclass(slots=True)
class ContactRef:
    """Chat and contact of a message, with what is known of the sender.

    `named_at` is when the newest message came that had this name (ms), which the inbox moves on for the row's sake: a
    message that only repeats the name writes nothing.
    """

    chat_id: int
    contact_id: int | None
    person: Person
    named_at: int = 0
    # The contacts that have just become part of this one.
    unions: tuple[ContactUnion, ...] = ()

    def is_outdated_by(self, person: Person, at: int) -> bool:
        """Tell whether a message sent at `at` (ms) tells more of its sender, or a name that is as new."""
        known, is_newer = self.person, at >= self.named_at
        name, username = clean_name(person.name)[:200], person.username[:100]
        return bool(
            (name and name != known.name and (is_newer or not known.name))
            or (username and username != known.username and (is_newer or not known.username))
            or (person.phone and known.phone is None)
            or (person.user_id and known.user_id is None)
        )

    def apply_union(self, union: ContactUnion) -> "ContactRef":
        """Return the reference after a union."""
        is_moved = self.chat_id == union.gone_chat_id and union.kept_chat_id is not None
        return replace(
            self,
            chat_id=union.kept_chat_id if is_moved and union.kept_chat_id else self.chat_id,
            contact_id=union.kept_contact_id if self.contact_id == union.gone_contact_id else self.contact_id,
        )


class ContactCache:
    """Cache of the contacts and chats this process has seen; the least recently used go first.

    It holds committed rows alone. A chat that is gone since shows as a broken foreign key, upon which the caller clears
    the cache and tries again; a contact that is gone, as the writer in a group, shows by `clear_outdated`.
    """

    def __init__(self) -> None:
        self._refs: OrderedDict[ContactKey, ContactRef] = OrderedDict()
        self._gone_count: int | None = None
        self._checked_at = 0

    def get(self, key: ContactKey) -> ContactRef | None:
        """Return a cached reference, None for an unknown sender."""
        return self._refs.get(key)

    def add(self, refs: Iterable[tuple[ContactKey, ContactRef]]) -> None:
        """Add committed references; what became part of another contact is forgotten."""
        refs = list(refs)
        gone = {union.gone_contact_id for _, place in refs for union in place.unions}
        for key in [key for key, place in self._refs.items() if place.contact_id in gone] if gone else ():
            del self._refs[key]
        for key, place in refs:
            self._refs[key] = place
            self._refs.move_to_end(key)
        while len(self._refs) > CACHE_SIZE:
            self._refs.popitem(last=False)

    def clear(self) -> None:
        """Remove all references."""
        self._refs.clear()

    def clear_outdated(self, db: Db, now: int) -> None:
        """Clear the cache when any process has removed a contact since the last look, at most one look a second."""
        if 0 <= now - self._checked_at < CHECK_INTERVAL_MS:
            return
        self._checked_at = now
        count = db.scalar(select(Counter.n).where(Counter.name == GONE_CONTACTS)) or 0
        if count != self._gone_count:
            self.clear()
            self._gone_count = count


def build_key(connection_id: int, person: Person, group_id: str | None) -> ContactKey:
    """Return the cache key of a sender: the user id, else the phone number in any spelling; in a group with its id."""
    name = f"u:{person.user_id}" if person.user_id else f"p:{unify(person.phone or '')}"
    return connection_id, f"g:{group_id}:{name}" if group_id else name
