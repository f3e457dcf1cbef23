"""Signals between packages (`work_ready`, `changed`), sent after a commit; `DomainError`, parent of all errors."""

from collections.abc import Callable
from typing import Any


class DomainError(Exception):
    """Error that the product explains to its user; `code` is stable, the message says what to do."""

    code = "error"


class Signal:
    """Functions that are called in their order with what is sent; what one raises goes to the sender.

    Sent several times for every message: blinker, which Flask brings, takes 6 us to find one receiver.
    """

    def __init__(self) -> None:
        self._receivers: tuple[Callable[..., object], ...] = ()

    def connect(self, receiver: Callable[..., object]) -> None:
        """Call a function from now on, until `disconnect`."""
        self._receivers = (*self._receivers, receiver)

    def disconnect(self, receiver: Callable[..., object]) -> None:
        """Call a function no more."""
        self._receivers = tuple(each for each in self._receivers if each != receiver)

    def send(self, **facts: Any) -> None:
        """Call all of them, in the sender's thread."""
        for receiver in self._receivers:
            receiver(**facts)


# Rows of this chat are waiting for a worker: keyword `chats`, a count.
work_ready = Signal()
# Something the browser shows has changed: keyword `topics`, a set of room names.
changed = Signal()
