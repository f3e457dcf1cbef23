"""Nothing gets out: every attack, in every mode, as root and as an ordinary user; and the harness sees what does."""

import os

import pytest

from tests.conftest import missing
from tests.escapes import controls
from tests.escapes.corpus import OWN, SHARED, read
from tests.escapes.crew import Post, Report, attack
from tests.escapes.modes import MODES, REUSED
from tests.escapes.outpost import CrewError, interpreter

AT_ONCE = 5
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def shared():
    if not SHARED.exists():
        missing("the shared corpus of attacks")
    return read(SHARED)


@pytest.fixture(scope="module")
def users():
    """Whether to attack as the user who runs the tests, and as one without privileges."""
    if os.getuid() == 0 and interpreter(ordinary=True) is None:
        missing("a Python that an ordinary user may start")
    return (False, True) if os.getuid() == 0 else (False,)


def told_with_a_line(report: Report) -> float:
    """Return the share of attacks on limits whose error names the operator's line."""
    lines = [verdict.line for verdict in report.verdicts.values() if verdict.probe == "limit" and verdict.ending != "done"]
    return sum(line is not None for line in lines) / len(lines)


def unreported(report: Report) -> list[str]:
    """Name the attacks on limits whose error names no line."""
    wanted = [verdict for verdict in report.verdicts.values() if verdict.probe == "limit" and verdict.ending != "done"]
    return [verdict.id for verdict in wanted if verdict.line is None]


def test_no_attack_of_the_shared_corpus_gets_out_in_any_mode_for_any_user(shared, users):
    posts = [Post(mode, user) for user in users for mode in MODES]
    reports = attack(shared, posts, AT_ONCE)
    for report in reports:
        print(f"{report.post} ({report.level}): {len(report.escapes)} escaped of {len(report.verdicts)}")
    assert {str(report.post): report.escapes for report in reports if report.escapes} == {}
    for report in reports:
        if report.post.mode in {"sticky", "strict"}:
            print(f"{report.post}: {told_with_a_line(report):.1%} of limits with a line; without: {unreported(report)}")
            assert told_with_a_line(report) >= 0.95


def test_no_attack_of_our_own_gets_out(users):
    own = read(OWN)
    posts = [Post(mode) for mode in ("sticky", "strict", "os-only")] + [Post("hardened-os-only", users[-1])]
    reports = attack(own, posts, AT_ONCE)
    for report in reports:
        print(f"{report.post} ({report.level}): {len(report.escapes)} escaped of {len(report.verdicts)}")
    assert {str(report.post): report.escapes for report in reports if report.escapes} == {}


def test_most_attacks_do_harm_where_nothing_guards(shared):
    try:
        harm = controls.bare(shared, AT_ONCE)
    except CrewError as error:
        missing(f"a namespace to throw away ({error})")
    harmful = [snippet for snippet, kinds in zip(shared, harm, strict=True) if kinds]
    expected = [snippet for snippet in shared if snippet.bare != "none"]
    print(f"unguarded: {len(harmful)} of {len(shared)} did harm")
    assert len(harmful) >= 0.7 * len(shared)
    assert len(set(expected) & set(harmful)) >= 0.9 * len(expected)


def test_a_reused_process_without_the_language_layer_leaks_state(shared):
    leaky = [snippet for snippet in [*shared, *read(OWN)] if snippet.probe == "state"]
    report = attack(leaky, [Post(REUSED.name)], 1)[0]
    leaks = [verdict.id for verdict in report.escapes if any(reason.startswith("state") for reason in verdict.reasons)]
    print(f"reused raw process: {len(leaks)} of {len(leaky)} leaked")
    assert len(leaks) >= 5
