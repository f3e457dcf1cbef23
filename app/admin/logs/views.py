"""Page of log lines: search, live tail, one line with all it holds; and how other services send theirs."""

import json
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.logs import log_filters
from app.admin.logs.log_filters import AGES, IDS
from app.admin.ui.pages import MenuItem, PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.logs import ingest
from app.logs.event import LogEvent, get_sender_id
from app.logs.severity import CHOICES, ERROR, WARNING, get_word
from app.logs.store.event_search import (
    SEALED_WINDOW,
    TEXT_WINDOW,
    EventPage,
    list_sources,
    search_events,
    sum_counts,
)
from app.services import services

blueprint = PageBlueprint(
    "logs",
    __name__,
    url_prefix="/logs",
    targets=(
        Target(
            "show_lines",
            "list",
            "Logs",
            ("log", "lines", "errors", "events", "tail", "warnings", "trace"),
            order=75,
            menu=MenuItem("g l"),
        ),
        Target(
            "show_guide", "send", "Send logs from other services", ("curl", "next.js", "api", "log"), order=76
        ),
    ),
)
_EMPTY: Final = EventPage([])


@blueprint.app_template_filter("log_tone")
def get_tone(level: int) -> str:
    """Return the tone a level is shown in."""
    if level >= ERROR:
        return "bad"
    return "warn" if level >= WARNING else "info" if level >= 10 else "quiet"


@blueprint.app_template_filter("sender_id")
def format_id(event_id: str) -> str:
    """Return an event's id as its sender gave it."""
    return get_sender_id(event_id)


@blueprint.app_template_filter("log_data")
def format_data(event: LogEvent) -> str:
    """Return the data of an event as indented JSON, its exception apart."""
    data = {name: value for name, value in event.data.items() if name != "exception"}
    return json.dumps(data, indent=2, ensure_ascii=False) if data else ""


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_lines() -> Response:
    """Show the newest lines that match, or those before a place."""
    logs, now = services().logs, services().clock()
    filters = log_filters.read(request.args, now)
    page = search_events(logs.store, filters.query) if logs.is_on else _EMPTY
    counts = sum_counts(logs.store) if logs.is_on else {}
    settings = logs.settings
    return show(
        "logs/page.html",
        "lines",
        filters=filters,
        page=page,
        counts=counts,
        sources=list_sources(logs.store) if logs.is_on else [],
        levels=[word for _, word in CHOICES],
        level_word=get_word,
        ages=AGES,
        ids=IDS,
        settings=settings,
        window=SEALED_WINDOW if settings.log_encrypt else TEXT_WINDOW,
    )


@blueprint.get("/send")
@require_right(Right.READ_BRAINS)
def show_guide() -> Response:
    """Show how other services send their events here."""
    address = services().settings.public_url or request.host_url.rstrip("/")
    return show("logs/guide.html", address=address + ingest.PATH, max_kb=ingest.MAX_BODY // 1024)
