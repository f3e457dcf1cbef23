"""Types of a channel's error catalogue: causes, remedies, codes."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from app.immutable import immutable


class CauseScope(StrEnum):
    """What a cause holds up, in the order the failure page lists it."""

    CONNECTION = "connection"
    DECISION = "decision"
    MESSAGE = "message"
    PERSON = "person"
    LIMIT = "limit"
    OUTAGE = "outage"
    BRAIN = "brain"
    OTHER = "other"
    PENDING = "pending"


@immutable
class ErrorCause:
    """A cause of failures in words: what it is, and the one thing that helps.

    `remedy_target` is where that is done: connection | chat | command | dashboard | again | settle | wait, or an https
    address. `is_retryable`: sending again makes sense once the cause is gone. `needs_connection_repair`: the messages
    wait until the connection is repaired, and go by themselves after it. `needs_operator`: somebody has to act.
    """

    id: str
    scope: CauseScope
    title: str
    description: str
    remedy: str
    remedy_target: str
    is_retryable: bool = True
    needs_connection_repair: bool = False
    needs_operator: bool = True


@immutable
class ErrorCatalog:
    """The causes of one channel, and which cause each stored error code means.

    The values are ids of causes, of this catalogue or of the general one (app.bot.failures.catalog). A code is looked
    up in `by_code` first, then among the families of numeric codes in `by_range`, then by its beginning.
    """

    causes: Sequence[ErrorCause] = ()
    by_code: Mapping[str, str] = field(default_factory=dict)
    by_range: Sequence[tuple[range, str]] = ()
    by_prefix: Mapping[str, str] = field(default_factory=dict)

    def find_cause(self, code: str) -> str | None:
        """Return the id of the cause a code means, None for a code this catalogue does not know."""
        if code in self.by_code:
            return self.by_code[code]
        if code.isdecimal() and len(code) <= 9:
            return next((cause for family, cause in self.by_range if int(code) in family), None)
        return next((cause for prefix, cause in self.by_prefix.items() if code.startswith(prefix)), None)
