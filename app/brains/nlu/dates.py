"""Dates of a message, in the brain's languages and relative to the moment it was written: dateparser on short pieces.

dateparser searches a text of 500 digits for five seconds, and takes “martes a las 4 de” for the fourth of April. So it
sees no message: at most 20 pieces of six words, each of them a number or a word of dates, a millisecond each. It is
imported when the first such entity is looked for (two seconds, 30 MB).
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import import_module
from typing import Final
from zoneinfo import ZoneInfo

from app.brains.nlu.clock_times import FoundTime, find_time
from app.immutable import immutable
from app.unicode import INDEX_OPTIONS, fold

_MOST_PIECES: Final = 20  # of a message that dateparser is asked about
_LONGEST_PIECE: Final = 6  # words
_LONGEST_WORD: Final = 20  # characters
_DISTANCE_WORDS: Final = 3  # in two weeks; next week is no day
_FAR_YEARS: Final = 10
_TOKEN: Final = re.compile(
    r"\d{1,4}[./-]\d{1,2}(?:[./-]\d{1,4})?(?!\w)|\d{1,4}(?:st|nd|rd|th)?(?!\w)|[^\W\d_]+"
)
_WRITTEN_OUT: Final = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[/-]\d{1,2}")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS: Final = ("day", "week", "month", "year")
_DISTANCES: Final = ("ago", "in")  # from today, with a unit
_JOINING: Final = frozenset(
    {"de", "del", "do", "da", "the", "of", "on", "e", "le", "der", "den", "am", "next"}
)
_SHORT: Final = 3  # letters: sat and mar have other meanings
_SHORT_DAYS: Final = frozenset({"hoy"})
_NOT_A_DAY: Final = frozenset({"may", "second", "now", "ahora", "agora"})  # alone
# What dateparser does not know, folded: days from the day of the message.
_DAYS_AHEAD: Final[Mapping[str, int]] = {
    "pasado manana": 2, "depois de amanha": 2, "apres demain": 2, "dopodomani": 2, "day after tomorrow": 2,
}  # fmt: skip


@immutable
class Moment:
    """When a message was written (ms since 1970), the zone of its brain and the languages it is read in."""

    at: int
    zone: ZoneInfo
    languages: tuple[str, ...] = ("en",)

    @property
    def local(self) -> datetime:
        """The moment as clocks of the zone show it."""
        return datetime.fromtimestamp(self.at // 1000, self.zone)


def find_date(text: str, moment: Moment) -> str | None:
    """Return the first day a text names, as 2026-01-31; None where it names none."""
    found = _find_day(_leave_out(fold(text, INDEX_OPTIONS), None), moment)
    return found.isoformat() if found else None


def find_clock_time(text: str) -> str | None:
    """Return the first time of day a text names, as 15:30; None where it names none."""
    found = find_time(fold(text, INDEX_OPTIONS))
    return found.time.isoformat("minutes") if found else None


def find_datetime(text: str, moment: Moment) -> str | None:
    """Return the moment a text names, as 2026-01-31T15:30+01:00; None without a time.

    Without a day it is the next such time; a time that the clocks skip or repeat is the earlier one.
    """
    folded = fold(text, INDEX_OPTIONS)
    found = find_time(folded)
    if found is None:
        return None
    day = _find_day(_leave_out(folded, found), moment) or _find_next_day(found.time, moment)
    return datetime.combine(day, found.time, moment.zone).isoformat(timespec="minutes")


def _find_next_day(wanted: time, moment: Moment) -> date:
    now = moment.local
    return now.date() if wanted > now.time() else now.date() + timedelta(days=1)


def _leave_out(text: str, found: FoundTime | None) -> str:
    """Return a text without its time of day, whose numbers are no date."""
    found = found or find_time(text)
    return text[: found.start] + " " + text[found.end :] if found else text


def _find_day(text: str, moment: Moment) -> date | None:
    today = moment.local.date()
    plain = " ".join(re.findall(r"\w+", text))
    for words, days in _DAYS_AHEAD.items():
        if f" {words} " in f" {plain} ":
            return today + timedelta(days=days)
    languages = tuple(each for each in moment.languages if each in _list_known())
    if not languages:
        return None
    for number, piece in enumerate(_list_pieces(text, _load_words(languages))):
        if number >= _MOST_PIECES:
            break
        found = _parse(piece, languages, today)
        if found:
            return found
    return None


@immutable
class _Words:
    """Words of dates, folded: all that may stand in a piece, and those that make it one: a day, a distance."""

    allowed: frozenset[str]
    days: frozenset[str]
    distances: frozenset[str]
    units: frozenset[str]


def _list_pieces(text: str, words: _Words) -> Iterator[str]:
    """Yield runs of words that may be a date, from each word on the longest first."""
    tokens = [each[0] for each in _TOKEN.finditer(text)]
    for start, first in enumerate(tokens):
        if not _is_allowed(first, words) or first in _JOINING:
            continue
        run = [first]
        for token in tokens[start + 1 : start + _LONGEST_PIECE]:
            if not _is_allowed(token, words):
                break
            run.append(token)
        is_morning = first == "manana" and start > 0 and tokens[start - 1] in {"la", "esta"}
        for size in range(len(run), 0, -1):
            piece = run[:size]
            if not is_morning and piece[-1] not in _JOINING and _is_decisive(piece, words):
                yield " ".join(piece)


def _is_allowed(token: str, words: _Words) -> bool:
    return token[0].isdigit() or (len(token) <= _LONGEST_WORD and token in words.allowed)


def _is_decisive(piece: Sequence[str], words: _Words) -> bool:
    """Tell whether a piece is more than a number, and more than a short word that has another meaning."""
    if any(_WRITTEN_OUT.fullmatch(each) for each in piece):
        return True
    if len(piece) == 1:
        (word,) = piece
        return word in words.days and word not in _NOT_A_DAY and (len(word) > _SHORT or word in _SHORT_DAYS)
    given = frozenset(piece)
    return bool(given & words.days or (given & words.distances and given & words.units))


def _parse(piece: str, languages: tuple[str, ...], today: date) -> date | None:
    """Return the day of a piece; None for what names none, or a month or a week alone."""
    from dateparser.date import DateDataParser  # noqa: PLC0415  a brain without dates does not load it

    settings = {
        "RELATIVE_BASE": datetime.combine(today, time(12)),
        "PREFER_DATES_FROM": "future",
        "RETURN_AS_TIMEZONE_AWARE": False,
        "TIMEZONE": "UTC",
        "PARSERS": ["relative-time", "absolute-time"],
    }
    with _LOCK:
        for language in languages:
            found = DateDataParser(languages=[language], settings=settings).get_date_data(piece)
            is_day = found.period == "day" or (
                found.period == "week" and len(piece.split()) >= _DISTANCE_WORDS
            )
            if found.date_obj and is_day and abs(found.date_obj.year - today.year) <= _FAR_YEARS:
                return found.date_obj.date()
    return None


_LOCK: Final = threading.Lock()  # its tables are filled while it is used


@cache
def _list_known() -> frozenset[str]:
    return frozenset(import_module("dateparser.data.languages_info").language_order)


@lru_cache(maxsize=64)
def _load_words(languages: tuple[str, ...]) -> _Words:
    """Return the words of dates in some languages, from dateparser's own tables."""
    days, distances, units, others = set[str](), set[str](), set[str](), set(_JOINING)
    for language in languages:
        info = import_module(f"dateparser.data.date_translation_data.{language}").info
        days.update(*(_cut(info.get(name, ())) for name in (*_WEEKDAYS, *_MONTHS)))
        for texts in info["relative-type"].values():
            days.update(word for word in map(_fold, texts) if " " not in word)
            others.update(_cut(texts))
        distances.update(*(_cut(info.get(name, ())) for name in _DISTANCES))
        units.update(*(_cut(info.get(name, ())) for name in _UNITS))
        others.update(*(_cut(each) for each in info.get("simplifications", ())))
    allowed = frozenset(days | distances | units | others)
    return _Words(allowed, frozenset(days - _JOINING), frozenset(distances), frozenset(units))


def _fold(text: str) -> str:
    return fold(text, INDEX_OPTIONS)


def _cut(texts: Iterable[str]) -> Iterator[str]:
    """Yield the words of some texts, folded."""
    for text in texts:
        yield from re.findall(r"[^\W\d_]+", _fold(text))
