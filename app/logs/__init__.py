"""Logging service: our own lines and other services' events, redacted, stored, searched and forwarded.

`configure_logs` sets up structlog and the standard library: JSON or readable lines on standard error.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from app.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Configure structlog and the standard library to log to standard error in one format."""
    as_json = settings.log_json if settings.log_json is not None else not sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer(serializer=_dump_json)
        if as_json
        else structlog.dev.ConsoleRenderer(
            # Others would show local variables: they hold message texts and secrets.
            exception_formatter=structlog.dev.plain_traceback
        )
    )
    last: list[structlog.typing.Processor] = [
        _add_record_fields,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    ]
    if as_json:
        last.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[*last, renderer], foreign_pre_chain=[structlog.contextvars.merge_contextvars]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    _skip_unused_fields()
    # These tell of each request or packet; ours tell of each message.
    for name in ("werkzeug", "engineio", "socketio", "huey", "alembic", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_record_fields(_logger: Any, _name: str, fields: Any) -> Any:
    """Add level, logger and time of a record: only lines that are written out need them as texts."""
    record: logging.LogRecord = fields["_record"]
    fields["level"] = record.levelname.lower()
    fields["logger"] = record.name
    at = datetime.fromtimestamp(record.created, UTC)
    fields["timestamp"] = at.isoformat().replace("+00:00", "Z")
    return fields


def _dump_json(fields: Any, default: Any, **_options: Any) -> str:
    try:
        return orjson.dumps(fields, default=default).decode()
    except TypeError:  # integers beyond 64 bits, lone surrogates, keys that are no texts
        return json.dumps(fields, default=default)


def _skip_unused_fields() -> None:
    """Leave out of records what no line of ours shows, and what takes longer to find than all the rest.

    The switches are those of Python's logging HOWTO, “Optimization”.
    """
    logging._srcfile = None  # type: ignore[assignment]  # noqa: SLF001  so named in that document
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
