"""The map of the code says what the code says of itself."""

from tools.map import MAP, build_map


def test_the_map_is_what_make_map_writes():
    assert MAP.read_text() == build_map(), "run `make map`"
