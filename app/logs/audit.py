"""Audit log lines: which user did what to what."""

from typing import Any

import structlog

log = structlog.get_logger(__name__)


def record(action: str, user_id: int | None, **details: Any) -> None:
    """Write one line about an action of an operator, or of the command line (`user_id` None).

    `details` are ids, numbers and names of things: never secrets, and nothing of what people wrote.
    """
    log.info("audit", what=action, user=user_id, **details)
