"""Captured lines: what our loggers say, with ids as columns, the right source, and no secret of theirs."""

import logging
from typing import Any

import pytest
import structlog

from app.logs.capture import CaptureHandler, LineConverter
from app.logs.event import EventIds, LogEvent
from app.logs.event_queue import EventQueue
from app.logs.event_redaction import RedactionRules, Redactor
from tests.conftest import Clock


@pytest.fixture
def capture(clock: Clock):
    """Log through a logger of this test, and return the events."""
    queue = EventQueue(500)
    handler = CaptureHandler(queue, lambda: None)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def collect(role: str = "embedded") -> list[LogEvent]:
        converter = LineConverter(role, EventIds(), Redactor(RedactionRules()), clock)
        return [converter.convert(line) for line in queue.take()]

    yield collect
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True)
def configured(settings: Any):
    from app.logs import configure_logs  # noqa: PLC0415

    handlers = logging.getLogger().handlers[:]
    configure_logs(settings)
    kept = [each for each in logging.getLogger().handlers if each not in handlers]
    for each in kept:
        logging.getLogger().removeHandler(each)
    for each in handlers:
        if each not in logging.getLogger().handlers:
            logging.getLogger().addHandler(each)


def test_a_line_of_structlog_has_its_ids_in_columns(capture):
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger("app.bot.worker.dispatcher").info(
        "turn", message=12, chat=3, run=4, outcome="replied"
    )
    structlog.contextvars.clear_contextvars()
    (event,) = capture()
    assert (event.text, event.level, event.source) == ("turn", 9, "worker")
    assert (event.request_id, event.message_id, event.run_id, event.chat_id) == ("r1", "12", "4", "3")
    assert event.data == {"outcome": "replied"}


def test_a_line_of_the_standard_library_is_put_together_and_has_the_context_too(capture):
    structlog.contextvars.bind_contextvars(request_id="r2")
    logging.getLogger("app.brains.sandbox.pool").warning("sandbox %s: %s", "sticky", "gone")
    structlog.contextvars.clear_contextvars()
    (event,) = capture()
    assert (event.text, event.level, event.source, event.request_id) == (
        "sandbox sticky: gone",
        13,
        "sandbox",
        "r2",
    )


def test_arguments_that_do_not_fit_are_no_error(capture):
    record = logging.makeLogRecord({"msg": "one %s %s", "args": (1,), "levelno": 30, "name": "x"})
    next(each for each in logging.getLogger().handlers if isinstance(each, CaptureHandler)).emit(record)
    (event,) = capture()
    assert event.text == "one %s %s"


def test_an_exception_comes_with_its_trace_and_without_its_secret(capture):
    try:
        int("password=hunter2x")
    except ValueError:
        structlog.get_logger("app.web").exception("oh")
    (event,) = capture()
    assert event.level == 17
    assert "test_capture.py" in event.data["exception"]
    assert "hunter2x" not in event.data["exception"]


def test_what_people_wrote_stays_out(capture):
    structlog.get_logger("x").warning("not sent", body="a private sentence", phone="15550100001")
    (event,) = capture()
    assert event.data == {"body": "[text, 18 characters]", "phone": "[phone …01]"}


@pytest.mark.parametrize(
    ("role", "logger", "source"),
    [
        ("embedded", "app.bot.turns.run", "worker"), ("embedded", "app.bot.ingest.webhook", "web"),
        ("web", "app.brains.runtime", "web"), ("worker", "app.db.writer", "worker"), ("cli", "app.logs.audit", "cli"),
        ("worker", "app.brains.sandbox.pool", "sandbox"),
    ],
)  # fmt: skip
def test_the_source_is_the_process_or_within_one_process_the_part(
    capture, role: str, logger: str, source: str
):
    structlog.get_logger(logger).info("x")
    assert [event.source for event in capture(role)] == [source]
