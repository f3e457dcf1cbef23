"""What every capability gives and takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.brains import limits
from app.brains.document import Grants


class CallRefused(Exception):
    """A call that gives no answer; the text says what to do.

    `kind`: denied (not granted), limit, timeout, upstream (the other side failed), unavailable (nothing to ask).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a call is made; nothing in the call itself can name another."""

    brain_id: int
    grants: Grants
    contact_id: int | None = None
    chat_id: int | None = None
    now: int = 0  # ms
    message_id: int | None = None
    seconds: float = limits.CALL_SECONDS  # what is left for the answer


class Capability(Protocol):
    """One thing scripts may ask for, under one or more method names; safe to share between threads."""

    grant: str

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> Any:
        """Return JSON data; raises CallRefused. The arguments come from a hostile process."""
        ...


# By method name, such as http.get.
Capabilities = Mapping[str, Capability]


def known(arguments: Mapping[str, Any], names: frozenset[str]) -> None:
    """Refuse arguments that a method does not have; raises CallRefused."""
    if not arguments.keys() <= names:
        raise CallRefused("denied", "This call has arguments that are not known.")


def text_of(arguments: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text of 1 to `most` characters; raises CallRefused."""
    value = arguments.get(name)
    if type(value) is not str or not value:
        raise CallRefused("denied", f"“{name}” must be a text that is not empty.")
    if len(value) > most:
        raise CallRefused("limit", f"“{name}” has {len(value):,} characters; {most:,} are allowed.")
    return value
