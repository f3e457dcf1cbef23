"""Words of the pages for the columns of changed rows, and for the few values that are codes."""

from collections.abc import Mapping
from typing import Final

from app.privacy import retention

# By column; what a kind calls otherwise stands in `_OF_KIND`. A column without a word is written with spaces.
WORDS: Final[Mapping[str, str]] = {
    "account": "Account",
    "act": "What is done",
    "archived_at": "Archived",
    "aside_at": "Dismissed",
    "author_id": "Author",
    "base_url": "Address",
    "base_version_id": "Compared with version",
    "brain_id": "Brain",
    "candidate_percent": "Share of contacts, percent",
    "candidate_version_id": "Version in rollout",
    "cancelled": "Cancelled",
    "chat_id": "Chat",
    "code_hash": "Code",
    "config": "Settings",
    "connection_id": "Connection",
    "created_at": "Created",
    "created_by": "Created by",
    "deactivated_at": "Deactivated",
    "deleted_at": "Deleted",
    "draft": "Draft",
    "edited_at": "Edited",
    "email": "E-mail address",
    "enabled": "Enabled",
    "enabled_at": "On since",
    "ended_at": "Ended",
    "ended_by": "Ended by",
    "ending": "How it ended",
    "error_code": "Error code",
    "events_per_second": "Most events a second",
    "expires_at": "Ends",
    "extra_failures": "Failures more than the live version, percent",
    "hash": "Digest of the content",
    "ids": "Messages",
    "live_version_id": "Live version",
    "loop_guard": "Pause the bot where two bots seem to answer each other",
    "mark_read": "Mark messages as read",
    "messages_per_second": "Messages per second",
    "min_runs": "Least runs",
    "on_unknown": "When delivery is unconfirmed",
    "options": "Options",
    "override_reason": "Why it was published all the same",
    "pair_burst": "Burst per recipient",
    "parked_reason": "Why sending is paused",
    "parked_until": "Sending is paused until",
    "password_hash": "Password",
    "pause_reason": "Why the bot is paused",
    "paused_at": "Bot paused",
    "paused_until": "Bot paused until",
    "percent": "Share of contacts, percent",
    "replies_per_minute": "Replies per chat and minute",
    "reset_at": "Reset",
    "rollout_id": "Rollout",
    "secret": "Key",
    "secrets": "Secrets",
    "settled_at": "Resolved",
    "show_typing": "Show typing",
    "slower": "Slower than the live version, percent",
    "slug": "Name in addresses",
    "started_at": "Started",
    "started_by": "Started by",
    "takeover_minutes": "Pause the bot after an operator writes, minutes",
    "tell_connection_id": "Alert through connection",
    "tell_to": "Number alerted",
    "timezone": "Time zone",
    "title": "Name",
    "token_hash": "Token",
    "used_at": "Used",
    "user_id": "Person",
    "version_id": "Version",
}
_OF_KIND: Final[Mapping[tuple[str, str], str]] = {
    ("brain", "created_at"): "Created",
    ("connection", "channel"): "Channel",
    ("data retention", "days"): "Days kept",
    ("log sink", "level"): "Lowest level",
    ("version", "number"): "Version",
}
# By kind and column, words for values that are codes; None where there is no value.
_VALUES: Final[Mapping[tuple[str, str], Mapping[str | None, str]]] = {
    ("data retention", "kind"): {kind: words for kind, (words, _) in retention.KINDS.items()},
    # A link that no person made.
    ("one-time link", "created_by"): {None: "Command line"},
}
# The last word of a column that holds a moment.
_MOMENTS: Final = ("_at", "_until", "_since")


def name_column(kind: str, column: str) -> str:
    """Return the words for a column of a kind of row; for a path in a document, its column and the rest."""
    column, _, path = column.partition("/")
    word = _OF_KIND.get((kind, column)) or WORDS.get(column) or column.replace("_", " ").capitalize()
    return f"{word}: {path.replace('/', ' › ')}" if path else word


def name_value(kind: str, column: str, value: object) -> str | None:
    """Return the words for a value that is a code; None for any other."""
    words = _VALUES.get((kind, column), {})
    return words.get(value) if value is None or isinstance(value, str) else None


def is_moment(column: str) -> bool:
    """Tell whether a column holds a moment in ms."""
    return column.endswith(_MOMENTS)
