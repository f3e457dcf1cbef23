import pytest

from app.brains.effects.untrusted import BadEffect, clean


@pytest.mark.parametrize("value", [object(), {1: 2}, (1,), {"a": b"x"}])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(BadEffect):
        clean(value)
