"""Severity of log events: OpenTelemetry's numbers, the words of RFC 5424 and OpenTelemetry, syslog's numbers."""

from typing import Final

TRACE: Final = 1
DEBUG: Final = 5
INFO: Final = 9
WARNING: Final = 13
ERROR: Final = 17
MAX_LEVEL: Final = 24

# OpenTelemetry's logs data model, appendix B: the words of syslog on its scale.
_RFC_5424: Final = {
    "emergency": 21, "emerg": 21, "panic": 21, "alert": 19, "critical": 18, "crit": 18, "error": ERROR, "err": ERROR,
    "warning": WARNING, "warn": WARNING, "notice": 10, "informational": INFO, "info": INFO, "debug": DEBUG,
}  # fmt: skip
_OPEN_TELEMETRY: Final = {
    f"{word}{step if step > 1 else ''}": first + step - 1
    for word, first in (("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("fatal", 21))
    for step in (1, 2, 3, 4)
}
WORDS: Final = {**_OPEN_TELEMETRY, **_RFC_5424}
# The levels that pages offer: the lowest number of each, and its word.
CHOICES: Final = (
    (TRACE, "trace"),
    (DEBUG, "debug"),
    (INFO, "info"),
    (10, "notice"),
    (WARNING, "warning"),
    (ERROR, "error"),
    (18, "critical"),
)
_PYTHON: Final = ((50, 18), (40, ERROR), (30, WARNING), (20, INFO), (10, DEBUG))


def parse_level(word: str) -> int | None:
    """Return the number (1 to 24) of a word in any case; None for one that is no severity."""
    return WORDS.get(word.strip().lower())


def from_python(number: int) -> int:
    """Return the number of a level of Python's logging."""
    return next((level for least, level in _PYTHON if number >= least), TRACE)


def get_word(level: int) -> str:
    """Return the word of RFC 5424 for a number, `trace` below its lowest."""
    if level >= 21:
        return "emergency"
    if level >= 19:
        return "alert"
    return next((word for least, word in reversed(CHOICES) if level >= least), "trace")


def get_open_telemetry_word(level: int) -> str:
    """Return OpenTelemetry's short name of a number, such as INFO2."""
    return next((word for word, number in _OPEN_TELEMETRY.items() if number == level), "info").upper()


def to_syslog(level: int) -> int:
    """Return the severity of RFC 5424, 0 (emergency) to 7 (debug)."""
    limits = ((21, 0), (19, 1), (18, 2), (ERROR, 3), (WARNING, 4), (10, 5), (INFO, 6))
    return next((severity for least, severity in limits if level >= least), 7)
