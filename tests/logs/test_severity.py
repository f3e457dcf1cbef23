"""Severity: both standards' words on OpenTelemetry's scale, and back."""

import pytest

from app.logs import severity


@pytest.mark.parametrize(
    ("word", "number", "syslog"),
    [
        ("emerg", 21, 0), ("alert", 19, 1), ("crit", 18, 2), ("err", 17, 3), ("Warning", 13, 4), ("NOTICE", 10, 5),
        ("informational", 9, 6), ("debug", 5, 7), ("TRACE", 1, 7), ("WARN2", 14, 4), ("fatal4", 24, 0),
        (" error ", 17, 3),
    ],
)  # fmt: skip
def test_words_of_both_standards_have_open_telemetrys_numbers(word: str, number: int, syslog: int):
    assert severity.parse_level(word) == number
    assert severity.to_syslog(number) == syslog


def test_another_word_is_no_severity():
    assert severity.parse_level("loud") is None


def test_every_number_has_a_word_that_leads_back_to_the_same_severity():
    for number in range(1, severity.MAX_LEVEL + 1):
        again = severity.parse_level(severity.get_word(number))
        assert again is not None
        assert severity.to_syslog(again) == severity.to_syslog(number)
        assert severity.parse_level(severity.get_open_telemetry_word(number)) == number


def test_levels_of_python_keep_their_order():
    assert [severity.from_python(level) for level in (1, 10, 20, 30, 40, 50)] == [1, 5, 9, 13, 17, 18]
