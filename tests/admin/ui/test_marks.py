import pytest

from app.admin.ui import marks

LINES = ("2: a = 1", "3:     b = ctx.repyl(a)", "4: ")


@pytest.mark.parametrize(
    ("column", "end", "marked"),
    [(9, 18, "ctx.repyl"), (9, None, "ctx.repyl"), (9, 9, "ctx.repyl"), (None, None, "b = ctx.repyl(a)"),
     (900, 950, ""), (18, 19, "(")],
)  # fmt: skip
def test_the_faulty_part_of_a_line_is_marked(column: int | None, end: int | None, marked: str):
    before, faulty, after = marks.parse_code_lines(LINES, 3, column, end)
    assert (before.number, before.before, before.faulty) == (2, "a = 1", False)
    assert faulty.marked == marked
    assert faulty.before + faulty.marked + faulty.after == "    b = ctx.repyl(a)"
    assert (after.number, after.before) == (4, "")


def test_an_excerpt_that_is_none_shows_nothing():
    assert marks.parse_code_lines(("no number",), 1) == []
