"""Clock, time units and zones: milliseconds since 1970 UTC; second, minute, hour and day in ms."""

import time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def get_now_ms() -> int:
    """Return the current time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def is_timezone(name: str) -> bool:
    """Tell whether there is a time zone of this name."""
    # Opening a zone is remembered by ZoneInfo; listing all zones reads a thousand files each time.
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
