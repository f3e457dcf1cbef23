"""Test suite of a brain: runs all or some tests, and decides whether they allow publishing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from app.brains.document.test_cases import BrainTest
from app.brains.document.understanding import train_draft
from app.brains.document.validation import InvalidDocument, ValidationProblem, parse_document
from app.brains.runtime.program import Program, compile_program
from app.brains.sandbox.types import SandboxPort
from app.brains.testing.assertions import StepResult
from app.brains.testing.player import Player
from app.immutable import immutable
from app.signals import DomainError

GREEN: Final = "green"
RED: Final = "red"
BROKEN: Final = "broken"  # the test or the brain cannot run as it stands
SKIPPED: Final = "skipped"  # there was no time for it

_DRAFT: Final = 0  # no version has this number


@immutable
class CaseResult:
    """Result of one test; `problem` says why it did not pass."""

    name: str
    status: str
    steps: Sequence[StepResult] = ()
    problem: str = ""


@immutable
class Suite:
    """Tests to run: a draft of a brain with its tests; `only` = names of some, None = all."""

    document: Mapping[str, Any]
    brain_id: int = 0
    only: Collection[str] | None = field(default=None)


class FailingTests(DomainError):
    """Draft whose tests did not all pass; `results` are those that failed."""

    code = "tests-are-red"

    def __init__(self, results: Sequence[CaseResult]) -> None:
        names = ", ".join(f"“{result.name}”" for result in results[:3])
        more = f" and {len(results) - 3} more" if len(results) > 3 else ""
        super().__init__(
            f"Not published: {len(results)} of its tests did not pass "
            f"({names}{more}). Repair them, or publish anyway with a reason."
        )
        self.results = list(results)


def run_tests(
    suite: Suite, sandbox: SandboxPort, may_go_on: Callable[[], bool] = lambda: True
) -> Iterator[CaseResult]:
    """Run tests one after the other, yielding each result; nothing is sent or stored.

    `may_go_on` is asked before each test; the ones left out are skipped.
    """
    given = suite.document.get("tests")
    rows = [row for row in given if isinstance(row, Mapping)] if isinstance(given, Sequence) else []
    wanted = [row for row in rows if suite.only is None or str(row.get("name")) in suite.only]
    program = _compile(suite) if wanted else None
    for row in wanted:
        name = str(row.get("name") or "Unnamed test")
        if isinstance(program, str):
            yield CaseResult(name, BROKEN, problem=program)
        elif not may_go_on():
            yield CaseResult(name, SKIPPED, problem="There was no time to run it.")
        elif program is not None:
            yield _run(name, row, program, sandbox)


def list_failing(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Return the tests that prevent publishing: all that did not pass."""
    return [result for result in results if result.status != GREEN]


def require_reason(results: Sequence[CaseResult], reason: str) -> str:
    """Return the reason a draft is published with failed tests; empty when all passed.

    Raises FailingTests when some are not and there is no reason.
    """
    wrong = list_failing(results)
    if wrong and not reason.strip():
        raise FailingTests(wrong)
    return reason if wrong else ""


def _compile(suite: Suite) -> Program | str:
    try:
        return compile_program(_DRAFT, suite.brain_id, suite.document, train_draft)
    except InvalidDocument as error:
        return f"The brain cannot run yet. {error}"


def _run(name: str, row: Mapping[str, Any], program: Program, sandbox: SandboxPort) -> CaseResult:
    case = _parse_case(row)
    if isinstance(case, str):
        return CaseResult(name, BROKEN, problem=case)
    steps = Player(program, case, sandbox).run()
    wrong = next((step for step in steps if not step.ok), None)
    if wrong is None:
        return CaseResult(name, GREEN, steps)
    return CaseResult(name, RED, steps, f"Step {wrong.number}: {wrong.why}")


def _parse_case(row: Mapping[str, Any]) -> BrainTest | str:
    """Parse a test; returns a text when it has a problem."""
    try:
        return parse_document({"brain": "test", "title": "Test", "tests": [dict(row)]}).tests[0]
    except InvalidDocument as error:
        return f"This test cannot run: {describe_problem(error.problems[0])}"


def describe_problem(problem: ValidationProblem) -> str:
    """Return what is wrong in a test and where, as a sentence."""
    steps = problem.path.split(".")[2:]
    if steps[:1] in (["steps"], ["stubs"]) and len(steps) > 1 and steps[1].isdecimal():
        return f"{steps[0][:-1]} {int(steps[1]) + 1}: {problem.message}"
    return f"{' '.join(steps)}: {problem.message}" if steps else problem.message
