import pytest

from app.brains import limits
from app.brains.effects.model import Forget, Increment, Remember
from app.brains.effects.untrusted import BadEffect
from app.brains.memory.overlay import apply_overlay, check_limits


def test_room_is_measured_after_the_effects():
    memory = {"contact": {"a": 1, "b": 2}}
    check_limits(memory, [Forget("contact", "a"), Remember("contact", "c", 1)], 2)
    check_limits({"contact": {f"k{n}": n for n in range(9)}}, [Forget("contact", "k1")], 2)
    with pytest.raises(BadEffect, match="3 values; 2 are allowed"):
        check_limits(memory, [Remember("contact", "c", 1)], 2)
    with pytest.raises(BadEffect, match=f"{limits.MEMORY_SCOPE_BYTES:,} are allowed"):
        check_limits({}, [Remember("brain", f"k{n}", "x" * 16_000) for n in range(2)], 50)
    with pytest.raises(BadEffect, match="holds no number"):
        check_limits({"chat": {"a": "x"}}, [Increment("chat", "a", 1)], 50)
    with pytest.raises(BadEffect):
        check_limits({"chat": {"a": 2**63 - 1}}, [Increment("chat", "a", 1)], 50)


def test_changes_are_laid_over_a_memory_without_touching_it():
    memory = {"contact": {"a": 1, "b": 2}}
    assert apply_overlay(memory, {"contact": {"a": None, "c": 3}, "brain": {"x": 1}}) == {
        "contact": {"b": 2, "c": 3},
        "brain": {"x": 1},
    }
    assert memory == {"contact": {"a": 1, "b": 2}}
