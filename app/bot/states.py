"""Names stored in rows: message states, directions, authors, kinds, and the sets of states queries use.

Sets are ordered: `sql_any` writes them into indexes, and a planner only takes a partial index whose words are the same.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Direction(StrEnum):
    """Which way a message goes."""

    IN = "in"
    OUT = "out"


class Author(StrEnum):
    """Who wrote a message; a scheduled one is the brain's, PHONE is our own phone app."""

    CONTACT = "contact"
    BRAIN = "brain"
    OPERATOR = "operator"
    PHONE = "phone"


class MessageState(StrEnum):
    """State of a message; the provider's part is a lattice (app.bot.delivery.receipts)."""

    # Inbound: waits for a worker, handled, kept and never a trigger.
    NEW = "new"
    DONE = "done"
    STORED = "stored"
    # Outbound: not settled.
    QUEUED = "queued"
    SENDING = "sending"
    RETRY = "retry"
    UNKNOWN = "unknown"
    # Outbound: waits for an operator.
    HELD = "held"
    # Outbound: statuses of the provider.
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    # Both: given up after the last try.
    DEAD = "dead"


class RunOutcome(StrEnum):
    """Outcome of a run; MERGED is the record of a message that was answered with a later one."""

    ANSWERED = "answered"
    SILENT = "silent"
    FAILED = "failed"
    MERGED = "merged"


class AttemptOutcome(StrEnum):
    """Outcome of one try of a send or of a turn."""

    SENT = "sent"
    REFUSED = "refused"
    # No response came, or the worker stopped: only a status can tell.
    UNCERTAIN = "uncertain"
    LOST = "lost"
    # Not tried: the customer service window had closed, an operator has to decide.
    CLOSED = "closed"
    HELD = "held"


class FailureAction(StrEnum):
    """What an operator does about a failure; recorded as an attempt, too."""

    RETRY = "again"
    DISMISS = "aside"
    RESTORE = "back"
    SETTLE_SENT = "as_sent"
    SETTLE_FAILED = "as_failed"


class ReadMark(StrEnum):
    """When people see that their message was read: never, with the answer, or as soon as it is stored."""

    OFF = "off"
    ON_ANSWER = "answer"
    AT_ONCE = "at_once"


class NoticeLevel(StrEnum):
    """How much a notice of the provider matters: BAD and WARN need a person."""

    INFO = "info"
    WARN = "warn"
    BAD = "bad"


class FileState(StrEnum):
    """State of the file of a message."""

    WANTED = "wanted"
    KEPT = "kept"
    # Cannot be had any more, and given up after the last try.
    GONE = "gone"
    FAILED = "failed"


# Sends whose outcome the provider has not given: any status from it wins.
UNSETTLED_STATES: Final = (
    MessageState.QUEUED,
    MessageState.SENDING,
    MessageState.RETRY,
    MessageState.UNKNOWN,
)
# Sends that are not out yet, or may go out again.
UNSENT_STATES: Final = (*UNSETTLED_STATES, MessageState.HELD)
# What waits for somebody or something.
PENDING_STATES: Final = (MessageState.NEW, *UNSENT_STATES)
ACCEPTED_STATES: Final = (
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.PLAYED,
)
# What an operator should see.
TROUBLE_STATES: Final = (
    MessageState.DEAD,
    MessageState.UNKNOWN,
    MessageState.HELD,
    MessageState.FAILED,
)
# What the failure page lists: also sends that wait for the repair of their connection.
FAILURE_PAGE_STATES: Final = (*TROUBLE_STATES, MessageState.RETRY)
# What an operator can have done again, or put away.
REDRIVABLE_STATES: Final = (MessageState.DEAD, MessageState.FAILED, MessageState.HELD)
# Sends an operator can settle by their word.
UNCERTAIN_STATES: Final = (MessageState.HELD, MessageState.UNKNOWN)
UNDELIVERED_STATES: Final = (MessageState.DEAD, MessageState.FAILED)

# A command that ran by schedule: its message was written by nobody.
SCHEDULE_KIND: Final = "schedule"
# Rows that change other bubbles instead of being one.
HIDDEN_KINDS: Final = ("reaction", "edit", "revoke")
# Those that are looked up by the message they change.
ATTACHED_KINDS: Final = ("reaction", "edit")
# Those that change the message they name.
CHANGE_KINDS: Final = ("edit", "revoke")
# What is nothing new to read.
QUIET_KINDS: Final = (*HIDDEN_KINDS, "system")


def sql_any(column: str, values: Iterable[str]) -> str:
    """Return `(column = 'a' OR ...)` with the values written out, in their order; they are our own words, never input.

    SQLite would build a table for `IN (...)` in a trigger or partial index each time a row is written.
    """
    return f"({' OR '.join(sql_is(column, value) for value in values)})"


def sql_is(column: str, value: str) -> str:
    """Return `column = 'value'` with the value written out; it is our own word, never input."""
    return f"{column} = '{value}'"
