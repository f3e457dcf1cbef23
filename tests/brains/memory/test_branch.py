"""Variables as they would be had other effects been applied: what others change, what is not known, what ends."""

from app.brains.effects.model import Forget, Increment, Remember
from app.brains.memory.branch import EVERYTHING, MemoryBranch

ADA = {"contact": "contact:1", "chat": "chat:1", "brain": ""}
ESI = {"contact": "contact:2", "chat": "chat:2", "brain": ""}


def read_contact(branch: MemoryBranch, recorded: dict[str, object] | None, now: int = 0) -> dict[str, object]:
    return branch.read(ADA, None if recorded is None else {"contact": recorded}, now).entries["contact"]


def test_what_only_the_recorded_run_has_changed_is_not_on_the_branch():
    branch = MemoryBranch()
    assert read_contact(branch, {"kept": 1}) == {"kept": 1}
    branch.apply(ADA, [Remember("contact", "old", 1)], [Remember("contact", "new", 1)], 0)
    assert read_contact(branch, {"kept": 1, "old": 1}) == {"kept": 1, "new": 1}
    assert read_contact(branch, {"old": 1, "other": 2}) == {"new": 1, "other": 2}
    assert branch.read(ESI, {}, 0).entries == {"contact": {}, "chat": {}, "brain": {}}


def test_what_others_write_counts_on_the_branch_too():
    branch = MemoryBranch()
    read_contact(branch, {"n": 5})
    branch.apply(ADA, [Increment("contact", "n", 1)], [Increment("contact", "n", 10)], 0)
    assert read_contact(branch, {"n": 6}) == {"n": 15}
    assert read_contact(branch, {"n": 0}) == {"n": 0}


def test_variables_of_the_branch_end_and_are_deleted():
    branch = MemoryBranch()
    read_contact(branch, {})
    branch.apply(ADA, [], [Remember("contact", "a", 1, ttl=60), Remember("contact", "b", "text")], 0)
    assert read_contact(branch, {}, 59_999) == {"a": 1, "b": "text"}
    branch.apply(ADA, [], [Increment("contact", "b", 1), Forget("contact", "b")], 60_000)
    assert read_contact(branch, {}, 60_000) == {}


def test_what_was_never_recorded_is_unknown_until_the_branch_sets_it():
    branch = MemoryBranch()
    assert branch.read(ADA, None, 0).has_unknown([("contact", "a")])
    branch.apply(ADA, [], [Remember("contact", "a", 1), Increment("contact", "n", 1)], 0)
    view = branch.read(ADA, None, 0)
    assert view.entries["contact"] == {"a": 1, "n": 1}
    assert not view.has_unknown([("contact", "a")])
    assert view.has_unknown([("contact", "n")])
    assert not branch.read(ADA, {"contact": {"a": 0}}, 0).has_unknown(EVERYTHING)


def test_after_effects_that_are_not_known_only_what_is_set_anew_is_certain():
    for actual, other in ((None, []), ([], None)):
        branch = MemoryBranch()
        branch.apply(ADA, [], [Remember("contact", "a", 1)], 0)
        branch.apply(ADA, actual, other, 0)
        view = branch.read(ADA, {}, 0)
        assert view.has_doubtful([("contact", "a")])
        assert not view.has_doubtful([("brain", "a")])
        branch.apply(ADA, [], [Remember("contact", "a", 2)], 0)
        assert not branch.read(ADA, {}, 0).has_doubtful([("contact", "a")])
        assert not branch.read(ESI, {}, 0).has_doubtful(EVERYTHING)
