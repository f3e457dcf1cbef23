"""The marks are those that uPlot chose when it drew the axes by itself."""

import pytest

from app.admin.analytics.axis import build_axis, format_mark
from app.admin.ui.number_format import Unit


@pytest.mark.parametrize(
    ("unit", "values", "texts"),
    [
        ("rate", [12.5, None], ["0 %", "25 %", "50 %", "75 %", "100 %"]),
        ("count", [], ["0", "1", "2", "3", "4"]),
        ("count", [None, 3, 7], ["0", "2", "4", "6"]),
        ("count", [1150], ["0", "500", "1K"]),
        ("count", [52_000], ["0", "20K", "40K"]),
        ("count", [2_300_000], ["0", "1M", "2M"]),
        ("ms", [9], ["0 ms", "2.5 ms", "5 ms", "7.5 ms"]),
        ("ms", [2400, 180], ["0 ms", "1 s", "2 s"]),
        ("ms", [90_000], ["0 ms", "25 s", "50 s", "1.25 min"]),
        ("money", [1_235_000], ["0", "0.5", "1"]),
        ("money", [2_400_000_000], ["0", "1,000", "2,000"]),
        ("money", [312], ["0", "0.0001", "0.0002", "0.0003"]),
        ("money", [], ["0", "0.0025", "0.005", "0.0075", "0.01"]),
        ("money", [0, None], ["0", "0.0025", "0.005", "0.0075", "0.01"]),
    ],
)
def test_an_axis_has_round_marks_that_are_not_too_close(
    unit: Unit, values: list[float | None], texts: list[str]
):
    assert [text for _, text in build_axis(unit, values)["marks"]] == texts


def test_an_axis_leaves_room_above_the_highest_value():
    assert build_axis("count", [100])["top"] == pytest.approx(108)
    assert build_axis("count", [1])["top"] == 4
    assert build_axis("rate", [3.0])["top"] == 100


def test_no_mark_lies_above_the_axis():
    for unit in ("count", "ms", "money"):
        for highest in (0, 0.4, 1, 4, 9, 10, 99, 1234, 5e6, 7.7e9):
            axis = build_axis(unit, [highest])
            values = [value for value, _ in axis["marks"]]
            assert values == sorted(set(values))
            assert 2 <= len(values) <= 6
            assert values[-1] <= axis["top"]


def test_a_mark_of_no_round_number_is_short_too():
    assert format_mark("ms", 100_000) == "1.667 min"
