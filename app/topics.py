"""Topics of live pages: names (`chat(id)`, `brain(id)`), and the right that watching each asks for."""

import re
from typing import Final

from app.immutable import immutable

# Ids are at most this long, so that no browser can name a topic of any size.
_ID_PATTERN: Final = r"\d{1,18}"

SESSION_PREFIX: Final = "session:"


@immutable
class Topic:
    """Kind of topic that browsers may watch: a pattern for whole names, and the right it asks for."""

    pattern: re.Pattern[str]
    right: str


def dashboard() -> str:
    """Return the topic of the dashboard's figures and warnings."""
    return "dashboard"


def chats() -> str:
    """Return the topic of the chat list."""
    return "chats"


def chat(chat_id: int) -> str:
    """Return the topic of one chat: its messages, notes and handoff."""
    return f"chat:{chat_id}"


def brain(brain_id: int) -> str:
    """Return the topic of one brain: its versions and its rollout."""
    return f"brain:{brain_id}"


def failures() -> str:
    """Return the topic of the page of failed messages."""
    return "failures"


def connections() -> str:
    """Return the topic of the list of connections."""
    return "connections"


def search_index() -> str:
    """Return the topic of a search's results while older rows are added to the full-text index."""
    return "search_index"


def logs() -> str:
    """Return the topic of the page of log lines: some were stored."""
    return "logs"


def audit() -> str:
    """Return the topic of the audit: an entry was added."""
    return "audit"


def session(session_id: int) -> str:
    """Return the topic of a session's end; no browser asks for it: each is in that of its own session."""
    return f"{SESSION_PREFIX}{session_id}"


TOPICS: Final = (
    Topic(re.compile(dashboard()), "read_brains"),
    Topic(re.compile(chats()), "read_chats"),
    Topic(re.compile(f"chat:{_ID_PATTERN}"), "read_chats"),
    Topic(re.compile(f"brain:{_ID_PATTERN}"), "read_brains"),
    Topic(re.compile(failures()), "read_chats"),
    Topic(re.compile(connections()), "read_brains"),
    Topic(re.compile(search_index()), "read_chats"),
    Topic(re.compile(logs()), "read_brains"),
    Topic(re.compile(audit()), "administer"),
)


def find_topic(name: str) -> Topic | None:
    """Return the kind of topic of a name; None when it may not be watched."""
    return next((each for each in TOPICS if each.pattern.fullmatch(name)), None)
