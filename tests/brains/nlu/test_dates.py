"""Days and times: found relative to the message, bounded on hostile texts; dateparser is loaded when it is needed."""

import random
import subprocess
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.brains.nlu.dates import Moment, find_clock_time, find_date, find_datetime
from app.brains.nlu.normalise import MAX_CHARS, clean

ZONE = ZoneInfo("America/Mexico_City")
AT = int(datetime(2026, 1, 5, 9, tzinfo=ZONE).timestamp() * 1_000)  # a Monday
PIECES = [
    "monday",
    "may",
    "12",
    "3pm",
    "10:30",
    "at",
    "on",
    "next",
    "in",
    "days",
    "half",
    "past",
    "2026-01-01",
    "/",
    ".",
    ":",
    "martes",
    "de",
    "mañana",
    "dentro",
    "15",
    "enero",
    "1e9",
    "st",
    "1/1",
]


def at(*languages: str) -> Moment:
    return Moment(AT, ZONE, languages)


@pytest.mark.parametrize(
    ("languages", "text", "day"),
    [
        ("en es", "can I come tomorrow at 3pm", "2026-01-06"),
        ("en es", "next friday at 10", "2026-01-09"),
        ("en", "on 2026-02-03 at 14:30", "2026-02-03"),
        ("en", "January 20th", "2026-01-20"),
        ("en", "the 16th of january at noon", "2026-01-16"),
        ("en", "day after tomorrow", "2026-01-07"),
        ("en", "in two weeks", "2026-01-19"),
        ("en", "monday", "2026-01-12"),
        ("en", "31/12/2026", "2026-12-31"),
        ("es en", "quiero una cita el martes a las 4 de la tarde", "2026-01-06"),
        ("es en", "pasado mañana a las 5", "2026-01-07"),
        ("es en", "mañana por la mañana", "2026-01-06"),
        ("es", "12/03", "2026-03-12"),
        ("en", "12/03", "2026-12-03"),
        ("pt en", "depois de amanhã às 15h", "2026-01-07"),
        ("pt", "dia 20 de fevereiro", "2026-02-20"),
        ("en", "may I come in the morning", None),
        ("en", "is march ok", None),
        ("en", "I sat down with 5 people, 5 days late", None),
        ("es", "por la mañana", None),
        ("en", "call 0241 55511 about order 4711", None),
        ("xx", "tomorrow", None),
        ("en", "", None),
    ],
)
def test_the_first_day_of_a_text_is_found(languages: str, text: str, day: str | None):
    assert find_date(text, at(*languages.split())) == day


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at 5", "17:00"),
        ("at 05:00", "05:00"),
        ("at 8 pm", "20:00"),
        ("at 10.30", "10:30"),
        ("3:30pm", "15:30"),
        ("12 am", "00:00"),
        ("half past 10", "10:30"),
        ("at noon", "12:00"),
        ("a las 4 y media de la tarde", "16:30"),
        ("a las 11 de la mañana", "11:00"),
        ("às 10h30", "10:30"),
        ("às 15h", "15:00"),
        ("25:70", None),
        ("at 99", None),
        ("for 4 people", None),
    ],
)
def test_a_time_of_day_is_read_as_people_write_it(text: str, said: str | None):
    assert find_clock_time(text) == said


def test_a_moment_has_a_time_and_the_zone_of_the_brain():
    assert find_datetime("tomorrow at 3pm", at("en")) == "2026-01-06T15:00-06:00"
    assert find_datetime("at 8 am", at("en")) == "2026-01-06T08:00-06:00"  # nine is over
    assert find_datetime("at 10 am", at("en")) == "2026-01-05T10:00-06:00"
    assert find_datetime("tomorrow", at("en")) is None


def test_hostile_texts_take_no_long_time():
    """The bounds hold by construction: 20 pieces of six short words. A second is many times what they take."""
    chance = random.Random(5)
    moment = at("en", "es", "pt")
    find_date("tomorrow 3 de enero 12/12", moment)
    texts = [" ".join(chance.choices(PIECES, k=150)) for _ in range(40)]
    texts += ["".join(chance.choices("0123456789/:.- ", k=MAX_CHARS)) for _ in range(40)]
    texts += ["1 " * 524_288, "lunes 1 " * 131_072, "12:30 " * 100, "a" * 1_048_576]
    for text in texts:
        began = time.thread_time()
        find_datetime(clean(text), moment)
        find_date(clean(text), moment)
        assert time.thread_time() - began < 1, text[:80]


def test_dateparser_is_loaded_with_the_first_date_only():
    code = (
        "import sys\n"
        "from app.brains.nlu.entities import EntityRule, find_entities\n"
        "from app.brains.nlu.dates import Moment\n"
        "from zoneinfo import ZoneInfo\n"
        "moment = Moment(0, ZoneInfo('UTC'))\n"
        "find_entities('3 apples', [EntityRule('x', 'number')], moment)\n"
        "assert 'dateparser' not in sys.modules\n"
        "find_entities('tomorrow', [EntityRule('x', 'date')], moment)\n"
        "assert 'dateparser' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
