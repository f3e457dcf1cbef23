"""Times of day as people write them: 15:30, 3pm, at 5, a las 4 y media de la tarde; linear in the text."""

import re
from datetime import time
from typing import Final

from app.immutable import immutable

_PART: Final = (
    r"(?:\s{0,2}(?:(?:de|por|da|do|in|of|du|am)\s(?:the\s|la\s|le\s)?)?"
    r"(?P<part>manana|manha|morning|matin|morgen|tarde|afternoon|apres-midi|nachmittag|noche|noite|evening|night|abend)\b)?"
)
_HALF: Final = r"(?P<half>\s(?:y media|e meia|et demie)\b)?"
_MARK: Final = r"(?P<mark>\s?(?:[ap]\.m\.|[ap]m\b|[ap]\.m\b))"
_WITH_MINUTES: Final = re.compile(
    rf"(?<![\d.:/-])(?P<hour>\d{{1,2}})[:h](?P<minute>[0-5]\d)(?![\d:/]){_MARK}?{_PART}"
)
_WITH_MARK: Final = re.compile(
    rf"(?<![\d.:/-])(?P<hour>\d{{1,2}})(?:{_MARK}|\s?(?:h|hs|hrs|horas|heures|uhr|o'clock)\b){_PART}"
)
_AFTER_WORD: Final = re.compile(
    r"\b(?:at|a las|a la|las|as|um|a partir das|para las|alle)\s"
    r"(?P<hour>\d{1,2})(?:\.(?P<minute>[0-5]\d))?(?![\d:/]|[.-]\d)" + _MARK + r"?(?!\w)" + _HALF + _PART
)
_NOON: Final = re.compile(r"\b(?:noon|midday|mediodia|meio[ -]dia|midi|mittags)\b")
_HALF_PAST: Final = re.compile(r"\bhalf past (?P<hour>\d{1,2})\b" + _PART)
_MORNINGS: Final = frozenset({"manana", "manha", "morning", "matin", "morgen"})
_AFTERNOON_ENDS: Final = 7  # hours before it, said without more, are those of the afternoon


@immutable
class FoundTime:
    """Time of day and its place in the text it was found in."""

    time: time
    start: int
    end: int


def find_time(text: str) -> FoundTime | None:
    """Return the first time of day in a folded text; None where there is none.

    Hours from 1 to 6 without am, pm or a part of the day are those of the afternoon, unless written as 05:00.
    """
    found = [
        made
        for form in (_WITH_MINUTES, _WITH_MARK, _HALF_PAST, _AFTER_WORD)
        if (match := form.search(text)) and (made := _build(match))
    ]
    noon = _NOON.search(text)
    if noon:
        found.append(FoundTime(time(12), noon.start(), noon.end()))
    return min(found, key=lambda each: (each.start, -each.end), default=None)


def _build(match: "re.Match[str]") -> FoundTime | None:
    said = match.groupdict()
    hour, minute = int(said["hour"]), int(said.get("minute") or 0)
    if said.get("half") or match.re is _HALF_PAST:
        minute = 30
    hour = _place_in_day(hour, said)
    return FoundTime(time(hour, minute), match.start(), match.end()) if hour is not None else None


def _place_in_day(hour: int, said: dict[str, str | None]) -> int | None:
    """Return the hour of 24 that is meant; None where there is none."""
    mark, part = (said.get("mark") or "").strip()[:1], said.get("part")
    if mark or part:
        if not 1 <= hour <= 12:
            return hour if not mark and hour < 24 else None
        is_late = mark == "p" or (not mark and part not in _MORNINGS)
        return hour % 12 + 12 * is_late
    if 1 <= hour < _AFTERNOON_ENDS and not str(said["hour"]).startswith("0"):
        return hour + 12
    return hour if hour < 24 else None
