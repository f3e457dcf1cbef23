"""Batches of inbound items as they are stored together, and what a batch changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.bot.contact_cache import ContactKey, ContactRef
from app.channels.contract import Item, RawItem
from app.clock import DAY_MS
from app.immutable import immutable

T = TypeVar("T")


@immutable
class InboundBatch:
    """Inbound items of one request: by connection id, and raw items that belong to none.

    `received_at` (ms) is set by the receiver; free text may follow a message for `window_ms`.
    """

    parts: Sequence[tuple[int, Sequence[Item]]] = ()
    raw_items: Sequence[tuple[int | None, RawItem]] = ()
    received_at: int = 0
    window_ms: int = DAY_MS  # where the channel has no window: how long a chat counts as open

    def split(self, size: int) -> "Iterator[InboundBatch]":
        """Yield the batch in pieces of at most `size` items, in order."""
        items = [
            *((connection_id, item, False) for connection_id, part in self.parts for item in part),
            *((connection_id, item, True) for connection_id, item in self.raw_items),
        ]
        for first in range(0, max(len(items), 1), size):
            piece = items[first : first + size]
            yield replace(
                self,
                parts=[(number, [item]) for number, item, is_raw in piece if not is_raw],
                raw_items=[(number, item) for number, item, is_raw in piece if is_raw],
            )


@dataclass(slots=True)
class IngestResult:
    """What a batch changed: new messages, chats with work, chats to be shown again, chats whose sends may go on."""

    new_count: int = 0
    ready_chats: set[int] = field(default_factory=set)
    changed_chats: set[int] = field(default_factory=set)
    resolved_chats: set[int] = field(default_factory=set)
    has_failures: bool = False
    new_contacts: list[tuple[ContactKey, ContactRef]] = field(default_factory=list)

    def merge(self, other: "IngestResult") -> None:
        """Add what another piece of the same batch changed."""
        self.new_count += other.new_count
        self.ready_chats |= other.ready_chats
        self.changed_chats |= other.changed_chats
        self.resolved_chats |= other.resolved_chats
        self.has_failures |= other.has_failures
        self.new_contacts += other.new_contacts


def iterate_items(batches: Sequence[InboundBatch], kind: type[T]) -> Iterable[tuple[int, T]]:
    """Yield the items of a kind, each with the id of its connection."""
    for batch in batches:
        for connection_id, items in batch.parts:
            for item in items:
                if isinstance(item, kind):
                    yield connection_id, item
