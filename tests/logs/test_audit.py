"""Audit lines: one shape for every action."""

import logging
from typing import Any

import pytest

from app.logs import audit


def test_a_line_says_what_who_and_to_what(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    audit.record("brain published", 7, brain="shop", version=3)
    (line,) = caplog.records
    message: Any = line.msg
    text = message if isinstance(message, str) else str(message)
    for part in ("audit", "brain published", "shop"):
        assert part in text
