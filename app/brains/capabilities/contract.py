"""Contract of capability calls: call context, refusal, the `Capability` interface."""

from collections.abc import Mapping
from typing import Any, Protocol

from app.brains import limits
from app.brains.capabilities.grant import GrantSet
from app.immutable import immutable


class CallRefusal(Exception):
    """Refusal of a call; the text says what to do.

    `kind`: denied (not granted), limit, timeout, upstream (the other side failed), unavailable (nothing to ask).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@immutable
class CallContext:
    """Identity of the run that makes a call; the call itself cannot name another."""

    brain_id: int
    grants: GrantSet
    contact_id: int | None = None
    chat_id: int | None = None
    now: int = 0  # ms
    message_id: int | None = None
    seconds: float = limits.CALL_SECONDS  # what is left for the answer


class Capability(Protocol):
    """Interface of a capability: answers one or more methods; safe to share between threads."""

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Return JSON data; raises CallRefusal. The arguments come from an untrusted process."""
        ...


# By method name, such as http.get.
Capabilities = Mapping[str, Capability]


def check_arguments(arguments: Mapping[str, Any], names: frozenset[str]) -> None:
    """Refuse unknown arguments of a method; raises CallRefusal."""
    if not arguments.keys() <= names:
        raise CallRefusal("denied", "This call has arguments that are not known.")


def read_text(arguments: Mapping[str, Any], name: str, max_chars: int) -> str:
    """Return a text of 1 to `max_chars` characters; raises CallRefusal."""
    value = arguments.get(name)
    if type(value) is not str or not value:
        raise CallRefusal("denied", f"“{name}” must be a text that is not empty.")
    if len(value) > max_chars:
        raise CallRefusal("limit", f"“{name}” has {len(value):,} characters; {max_chars:,} are allowed.")
    return value
