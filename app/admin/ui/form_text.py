"""Texts as typed in a form: line ends, lines, numbers."""

import math


def normalise_newlines(text: str) -> str:
    """Return a text with plain line ends."""
    # Browsers send CR LF; lines and limits are counted without the CR.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse_number(text: str) -> int | float | str:
    """Return a number as typed; any other text as it is."""
    text = text.strip().replace(",", ".")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text
