"""Form of an event as JSON for sinks that have none of their own: names of fields, moments in ISO 8601."""

from datetime import UTC, datetime
from typing import Any

from app.logs.event import LogEvent
from app.logs.severity import get_word

_IDS = ("request_id", "message_id", "run_id", "chat_id")


def format_moment(ms: int) -> str:
    """Return a moment in UTC with its milliseconds, as RFC 3339."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def list_ids(event: LogEvent) -> dict[str, str]:
    """Return the ids that an event has, by their names."""
    return {name: value for name in _IDS if (value := getattr(event, name))}


def build_object(event: LogEvent) -> dict[str, Any]:
    """Return an event as a JSON object; `id` is the same each time it is sent."""
    named: dict[str, Any] = {
        "id": event.event_id,
        "at": format_moment(event.at),
        "level": get_word(event.level),
        "severity_number": event.level,
        "source": event.source,
        "text": event.text,
    }
    if event.logger:
        named["logger"] = event.logger
    return {**named, **list_ids(event), **({"data": dict(event.data)} if event.data else {})}
