"""Capture of our own log lines: a handler that queues them as they are, and their conversion into events later."""

import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from structlog.contextvars import get_contextvars

from app.logs.event import (
    MAX_ID_CHARS,
    MAX_LOGGER_CHARS,
    EventIds,
    LogEvent,
    shorten_text,
)
from app.logs.event_queue import EventQueue
from app.logs.event_redaction import Redactor
from app.logs.severity import from_python

_SANDBOX: Final = "app.brains.sandbox"
# In a process that is web and worker, what runs in the worker's threads.
_WORKER: Final = (
    "app.bot.worker",
    "app.bot.turns",
    "app.bot.delivery",
    "app.bot.media",
    "app.bot.release",
    "app.brains",
    "app.privacy",
    "app.analytics",
    "app.db.maintenance_job",
    "huey",
)
# The column of each field that has one; an empty one is told by the record itself.
_COLUMNS: Final = {
    "event": "", "exc_info": "", "stack_info": "", "request_id": "request_id", "message": "message_id",
    "message_id": "message_id", "run": "run_id", "run_id": "run_id", "chat": "chat_id", "chat_id": "chat_id",
}  # fmt: skip
_LEVELS: Final = {number: from_python(number) for number in (10, 20, 30, 40, 50)}
_MAX_TRACE_CHARS: Final = 8_000


class CapturedLine(NamedTuple):
    """What is kept of a record until it is read: fields of structlog, or a text with the context (`fields`)."""

    name: str
    level: int
    created: float
    text: str | None
    fields: Mapping[str, Any]
    exc_info: Any


class CaptureHandler(logging.Handler):
    """Queues what records say, as it is; what it means is found out by the thread that `start` starts at the first."""

    def __init__(self, queue: EventQueue, start: Callable[[], None]) -> None:
        super().__init__()
        self._put = queue.put
        self._start = start
        self._is_started = False

    def createLock(self) -> None:  # noqa: N802  logging's name
        """Have no lock: the queue has its own."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record (logging)."""
        fields: Any = record.msg
        text, info = None, record.exc_info
        if type(fields) is dict:
            info = fields.get("exc_info")
            if info is True:
                info = sys.exc_info()
        else:
            text, fields = _format_message(record), get_contextvars()
        self._put(CapturedLine(record.name, record.levelno, record.created, text, fields, info))
        if not self._is_started:
            self._start()
            self._is_started = True


class LineConverter:
    """Turns captured lines into redacted events; `role` is the process's: web, worker, cli; both when embedded."""

    def __init__(self, role: str, ids: EventIds, redactor: Redactor, clock: Callable[[], int]) -> None:
        self._role = role
        self._ids = ids
        self._redactor = redactor
        self._clock = clock
        self._find_source = lru_cache(512)(self._compute_source)

    def convert(self, line: CapturedLine) -> LogEvent:
        """Return the event of a line."""
        redactor = self._redactor
        text = str(line.fields.get("event", "")) if line.text is None else line.text
        ids: dict[str, str] = {}
        rest: dict[str, Any] = {}
        for key, value in line.fields.items():
            column = _COLUMNS.get(key)
            if column is None:
                rest[key] = value
            elif column and value is not None and value != "":
                ids[column] = str(value)[:MAX_ID_CHARS]
        data = redactor.redact_data(rest) if rest else rest
        if line.exc_info:
            trace = redactor.redact_text(_format_exception(line.exc_info))
            data["exception"] = shorten_text(trace, _MAX_TRACE_CHARS)
        get = ids.get
        return LogEvent(
            self._ids.make_id(),
            int(line.created * 1000),
            self._clock(),
            _LEVELS.get(line.level) or from_python(line.level),
            self._find_source(line.name),
            shorten_text(redactor.redact_text(text)),
            line.name[:MAX_LOGGER_CHARS],
            get("request_id"),
            get("message_id"),
            get("run_id"),
            get("chat_id"),
            data,
        )

    def _compute_source(self, logger: str) -> str:
        if logger.startswith(_SANDBOX):
            return "sandbox"
        if self._role == "embedded":
            return "worker" if logger.startswith(_WORKER) else "web"
        return self._role


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (
        TypeError,
        ValueError,
    ):  # arguments that do not fit: the standard library would write to standard error
        return str(record.msg)


def _format_exception(info: Any) -> str:
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if not isinstance(info, tuple) or info[0] is None:
        return ""
    return "".join(traceback.format_exception(*info))
