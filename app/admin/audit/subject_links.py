"""Links from the audit to what an entry is about, as long as it exists and has a page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from flask import url_for

from app.accounts.users import User
from app.bot.models import Chat, Connection
from app.brains.ai.models import AiProvider
from app.brains.versions.models import Brain, BrainVersion
from app.logs.audit.models import AuditEntry
from app.logs.models import LogSink, LogSource
from app.text import parse_index
from app.web import db

Subject = tuple[str, str]


def _link_version(version: Any) -> str:
    brain = db.session().get(Brain, version.brain_id)
    return url_for("publish.list_versions", slug=brain.slug) if brain else ""


# The table of a kind (app.logs.audit.policies), and the address of the page of one row.
_PAGES: Final[Mapping[str, tuple[type[Any], Callable[[Any], str]]]] = {
    "person": (User, lambda row: url_for("people.show_list", _anchor=f"person-{row.id}")),
    "brain": (Brain, lambda row: url_for("brains.show_workbench", slug=row.slug)),
    "version": (BrainVersion, _link_version),
    "connection": (Connection, lambda row: url_for("connections.edit", connection_id=row.id)),
    "chat": (Chat, lambda row: url_for("chats.show_chat", chat_id=row.id)),
    "AI provider": (AiProvider, lambda row: url_for("ai.edit", provider_id=row.id)),
    "log sink": (LogSink, lambda row: url_for("log_sinks.edit", sink_id=row.id)),
    "log source": (LogSource, lambda _: url_for("log_sources.show_list")),
}
# Of these there is one page for all.
_LISTS: Final[Mapping[str, str]] = {
    "label": "labels.show_list",
    "saved reply": "saved_replies.show_list",
    "data retention": "privacy.show_overview",
    "erasure": "privacy.show_overview",
}


def find_links(entries: Iterable[AuditEntry]) -> dict[Subject, str]:
    """Return the address of each subject of these entries that has a page."""
    subjects = {(entry.subject_kind, entry.subject_id) for entry in entries}
    return {subject: address for subject in subjects if (address := _find_link(*subject))}


def _find_link(kind: str, subject_id: str) -> str:
    if kind in _LISTS:
        return url_for(_LISTS[kind])
    number = parse_index(subject_id)
    if kind not in _PAGES or number is None:
        return ""
    table, build_address = _PAGES[kind]
    row = db.session().get(table, number)
    return build_address(row) if row else ""
