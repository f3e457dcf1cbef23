"""Events from outside: JSON and JSON lines read, checked and redacted; names of fields, reasons of refusals."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.immutable import immutable
from app.logs.event import MAX_ID_CHARS, MAX_LOGGER_CHARS, EventIds, LogEvent, join_source, shorten_text
from app.logs.event_redaction import Redactor
from app.logs.severity import INFO, MAX_LEVEL, parse_level
from app.text import parse_json, to_json, to_storable_data

MAX_EVENTS: Final = 1_000
# The names other libraries give these; the first that is there counts.
_TEXT: Final = ("text", "message", "msg")
_LEVEL: Final = ("level", "severity", "severity_text", "severityText", "status")
_NUMBER: Final = ("severity_number", "severityNumber")
_AT: Final = ("at", "timestamp", "time", "@timestamp")
_LOGGER: Final = ("logger", "logger_name", "logger.name")
_IDS: Final = (
    ("request_id", "requestId"),
    ("run_id", "runId"),
    ("message_id", "messageId"),
    ("chat_id", "chatId"),
)
# A moment lies between these (ms, the second from now on): what does not is a mistake in the unit.
_MAX_AHEAD_MS: Final = 24 * 3_600_000
_DAY_2000_MS: Final = 946_684_800_000
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]{1,100}")


class InvalidEventError(ValueError):
    """An event that is not taken; the text says what is wrong with it."""


@immutable
class RefusedEvent:
    """An event of a request that was not taken: its place from 0, and why."""

    index: int
    reason: str


@immutable
class ReadEvents:
    """What a request holds: the events that are right, and those that are not."""

    events: list[LogEvent]
    refused: list[RefusedEvent]


class EventReader:
    """Reads events of requests; `clock` in ms."""

    def __init__(self, ids: EventIds, redactor: Redactor, clock: Callable[[], int]) -> None:
        self._ids = ids
        self._redactor = redactor
        self._clock = clock

    def read(self, body: bytes, source: str, source_key: str, *, is_lines: bool) -> ReadEvents:
        """Read a JSON object, a JSON array, or with `is_lines` one JSON object a line.

        Raises ValueError for what is no JSON, OverflowError for more than MAX_EVENTS.
        """
        items = _split_lines(body) if is_lines else _read_array(body)
        if len(items) > MAX_EVENTS:
            raise OverflowError
        events: list[LogEvent] = []
        refused: list[RefusedEvent] = []
        for index, item in enumerate(items):
            try:
                events.append(
                    self._build(parse_json(item) if isinstance(item, bytes) else item, source, source_key)
                )
            except InvalidEventError as error:
                refused.append(RefusedEvent(index, str(error)))
            except ValueError:
                refused.append(RefusedEvent(index, "This line is no JSON."))
        return ReadEvents(events, refused)

    def _build(self, item: Any, source: str, source_key: str) -> LogEvent:
        if not isinstance(item, dict):
            raise InvalidEventError('An event is a JSON object, such as {"text": "it works"}.')
        fields = {str(key): value for key, value in to_storable_data(item).items()}
        now, redactor = self._clock(), self._redactor
        text, level, at = _pop_text(fields), _pop_level(fields), _pop_moment(fields, now)
        event_id = self._pop_event_id(fields, source_key)
        logger = _pop(fields, _LOGGER)
        ids = [_pop_id(fields, *names) for names in _IDS]
        # These may be, or hold, a person's number.
        message_id, chat_id = (redactor.redact_text(each) if each else None for each in ids[2:])
        data = fields.pop("data", None)
        merged = {**data, **fields} if isinstance(data, Mapping) else fields
        if data is not None and not isinstance(data, Mapping):
            merged["data"] = data
        return LogEvent(
            event_id,
            at,
            now,
            level,
            source,
            # Redacted first: half a secret would be none that is known.
            shorten_text(redactor.redact_text(text)),
            shorten_text(logger, MAX_LOGGER_CHARS) if isinstance(logger, str) else "",
            ids[0],
            message_id,
            ids[1],
            chat_id,
            redactor.redact_data(merged),
        )

    def _pop_event_id(self, fields: dict[str, Any], source_key: str) -> str:
        given = fields.pop("id", None)
        if given is None:
            return self._ids.make_id()
        text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
        if not _CLIENT_ID.fullmatch(text):
            raise InvalidEventError("id: 1 to 100 visible ASCII characters, or leave it out.")
        return join_source(source_key, text)


def _read_array(body: bytes) -> list[Any]:
    found = parse_json(body)
    return found if isinstance(found, list) else [found]


def _split_lines(body: bytes) -> list[Any]:
    return [line for line in body.split(b"\n") if line.strip()]


def _pop(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Take out the first of these names that is there; None without one."""
    for name in names:
        if name in fields and (value := fields.pop(name)) is not None:
            return value
    return None


def _pop_text(fields: dict[str, Any]) -> str:
    text = _pop(fields, _TEXT)
    if text is None:
        raise InvalidEventError(
            'text: what happened, as in {"text": "it works"}; "message" and "msg" will do too.'
        )
    if isinstance(text, dict | list):
        return to_json(text)
    if not str(text).strip():
        raise InvalidEventError("text: it is empty.")
    return str(text)


def _pop_level(fields: dict[str, Any]) -> int:
    number = _pop(fields, _NUMBER)
    word = _pop(fields, _LEVEL)
    if number is not None:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_LEVEL:
            raise InvalidEventError("severity_number: OpenTelemetry's 1 (trace) to 24 (fatal).")
        return number
    if word is None:
        return INFO
    level = parse_level(word) if isinstance(word, str) else None
    if level is None:
        raise InvalidEventError(
            "level: a word of RFC 5424 or OpenTelemetry, such as debug, info, notice, warning, error, critical, fatal;"
            " numbers go into severity_number."
        )
    return level


def _pop_moment(fields: dict[str, Any], now: int) -> int:
    value = _pop(fields, _AT)
    if value is None:
        return now
    moment = _parse_moment(value)
    if moment is None or not _DAY_2000_MS <= moment <= now + _MAX_AHEAD_MS:
        raise InvalidEventError(
            "at: an ISO 8601 time such as 2026-05-04T10:00:00Z, or seconds, milliseconds, microseconds or nanoseconds"
            " since 1970; from the year 2000 to a day from now."
        )
    return moment


def _parse_moment(value: Any) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value) or not 0 <= value < 1e20:
            return None
        # Nanoseconds, microseconds, milliseconds or seconds since 1970, by their size.
        units = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1), (0, 1000))
        return int(value * next(factor for least, factor in units if value >= least))
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _pop_id(fields: dict[str, Any], *names: str) -> str | None:
    value = _pop(fields, names)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > MAX_ID_CHARS:
        raise InvalidEventError(f"{names[0]}: a text or number of at most {MAX_ID_CHARS} characters.")
    return str(value)
