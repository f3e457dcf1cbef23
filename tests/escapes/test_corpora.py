"""Nothing gets out: every attack, in every mode, as root and as an ordinary user; and the harness sees what does."""

import os

import pytest

from tests.conftest import skip_or_fail
from tests.escapes import unguarded_control
from tests.escapes.attack_runner import AttackTarget, Report, run_attacks
from tests.escapes.corpus import OWN, SHARED, read
from tests.escapes.modes import LOOSENED, MODES, REUSED
from tests.escapes.target_process import HarnessError, find_interpreter

AT_ONCE = 12  # most of them wait for a clock most of the time
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def shared():
    if not SHARED.exists():
        skip_or_fail("the shared corpus of attacks")
    return read(SHARED)


@pytest.fixture(scope="module")
def users():
    """Whether to attack as the user who runs the tests, and as one without privileges."""
    if os.getuid() == 0 and find_interpreter(ordinary=True) is None:
        skip_or_fail("a Python that an ordinary user may start")
    return (False, True) if os.getuid() == 0 else (False,)


def list_ids_without_line(report: Report, snippets) -> list[str]:
    """Name the attacks on limits whose error tells no line; each is tried alone before, on a quieter machine."""
    silent = [place for place, verdict in report.verdicts.items() if is_silent(verdict)]
    again = run_attacks([snippets[place] for place in silent], [report.post], 1)[0].verdicts if silent else {}
    return [verdict.id for verdict in again.values() if is_silent(verdict)]


def is_silent(verdict) -> bool:
    return verdict.probe == "limit" and verdict.ending != "done" and verdict.line is None


def test_no_attack_of_the_shared_corpus_gets_out_in_any_mode_for_any_user(shared, users):
    posts = [AttackTarget(mode, user) for user in users for mode in MODES]
    reports = run_attacks(shared, posts, AT_ONCE)
    for report in reports:
        print(f"{report.post} ({report.level}): {len(report.escapes)} escaped of {len(report.verdicts)}")
    assert {str(report.post): report.escapes for report in reports if report.escapes} == {}
    for report in reports:
        if report.post.mode in {"sticky", "strict"}:
            silent = list_ids_without_line(report, shared)
            failed = sum(
                verdict.probe == "limit" and verdict.ending != "done" for verdict in report.verdicts.values()
            )
            print(f"{report.post}: {failed - len(silent)} of {failed} limits with a line; without: {silent}")
            assert len(silent) <= 0.05 * failed


def test_no_attack_of_our_own_gets_out(users):
    own = read(OWN)
    posts = [AttackTarget("sticky"), AttackTarget("os-only", users[-1])]
    reports = run_attacks(own, posts, AT_ONCE, shares=4)
    for report in reports:
        print(f"{report.post} ({report.level}): {len(report.escapes)} escaped of {len(report.verdicts)}")
    assert {str(report.post): report.escapes for report in reports if report.escapes} == {}


def test_most_attacks_do_harm_where_nothing_guards(shared):
    try:
        harm = unguarded_control.run_unguarded(shared, AT_ONCE)
    except HarnessError as error:
        skip_or_fail(f"a namespace to throw away ({error})")
    harmful = [snippet for snippet, kinds in zip(shared, harm, strict=True) if kinds]
    expected = [snippet for snippet in shared if snippet.bare != "none"]
    print(f"unguarded: {len(harmful)} of {len(shared)} did harm")
    assert len(harmful) >= 0.7 * len(shared)
    assert len(set(expected) & set(harmful)) >= 0.9 * len(expected)


def test_a_reused_process_without_the_language_layer_leaks_state(shared):
    leaky = [snippet for snippet in [*shared, *read(OWN)] if snippet.probe == "state"]
    report = run_attacks(leaky, [AttackTarget(REUSED.name)], 1)[0]
    leaks = [
        verdict.id
        for verdict in report.escapes
        if any(reason.startswith("state") for reason in verdict.reasons)
    ]
    print(f"reused raw process: {len(leaks)} of {len(leaky)} leaked")
    assert len(leaks) >= 5


def test_without_the_filter_of_system_calls_the_process_monitor_sees_what_is_done_to_others():
    calls = [
        snippet
        for snippet in read(OWN)
        if snippet.category in {"syscall", "process"} and snippet.probe != "limit"
    ]
    report = run_attacks(calls, [AttackTarget(LOOSENED.name)], 2, shares=2)[0]
    seen = [reason for verdict in report.escapes for reason in verdict.reasons]
    print(f"without seccomp: {len(report.escapes)} of {len(calls)} did harm")
    assert any("sibling" in reason for reason in seen)
    assert sum(reason.startswith("marker") for reason in seen) >= 20
