"""Records are equal, hashed and small by their fields, and read-only for the type checker."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.immutable import immutable, replace_fields


@immutable
class Point:
    """A record of two fields."""

    x: int
    y: int = 0


def test_records_with_equal_fields_are_equal_and_share_a_hash():
    assert Point(1) == Point(1, 0)
    assert len({Point(1), Point(1, 0), Point(2)}) == 2
    assert replace(Point(1), y=3) == Point(1, 3)


def test_a_record_has_no_other_attributes_than_its_fields():
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]


def test_fields_are_read_only_for_the_type_checker_alone():
    point = Point(1)
    setattr(point, "x", 2)  # noqa: B010  pyright refuses `point.x = 2`
    assert point == Point(2), "nothing is checked at run time, where it would cost every message"
    declared = vars(immutable)["__dataclass_transform__"]  # what type checkers read (PEP 681)
    assert {**declared, **declared["kwargs"]}["frozen_default"] is True


@given(x=st.integers(), y=st.integers(), changes=st.dictionaries(st.sampled_from(["x", "y"]), st.integers()))
def test_a_copy_with_other_values_is_the_one_of_the_standard_library(x: int, y: int, changes: dict[str, int]):
    point = Point(x, y)
    assert replace_fields(point, **changes) == replace(point, **changes)
    assert point == Point(x, y)


def test_a_copy_refuses_values_of_unknown_fields():
    with pytest.raises(AttributeError):
        replace_fields(Point(1), z=1)
