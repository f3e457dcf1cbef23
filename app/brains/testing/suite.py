"""All tests of a brain, or some: each validated and played by itself."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.brains.cases import Case
from app.brains.problems import InvalidDocument, Problem, parse_document
from app.brains.program import Program, compile_program
from app.brains.runtime import Runs
from app.brains.testing.play import Play
from app.brains.testing.verdict import StepResult
from app.signals import DomainError

GREEN: Final = "green"
RED: Final = "red"
BROKEN: Final = "broken"  # the test or the brain cannot run as it stands
SKIPPED: Final = "skipped"  # there was no time for it

_DRAFT: Final = 0  # no version has this number


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one test; `problem` says in words why it is not green."""

    name: str
    status: str
    steps: Sequence[StepResult] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is tested: a draft of a brain with its tests; `only` = the names of some."""

    document: Mapping[str, Any]
    brain_id: int = 0
    only: Collection[str] | None = field(default=None)


class TestsAreRed(DomainError):
    """A draft whose tests are not all green; `results` are those that are not."""

    code = "tests-are-red"

    def __init__(self, results: Sequence[CaseResult]) -> None:
        names = ", ".join(f"“{result.name}”" for result in results[:3])
        more = f" and {len(results) - 3} more" if len(results) > 3 else ""
        super().__init__(
            f"Not published: {len(results)} of its tests {'are' if len(results) > 1 else 'is'} not green "
            f"({names}{more}). Repair that, or publish anyway with a reason."
        )
        self.results = list(results)


def run_tests(
    suite: Suite, sandbox: Runs, may_go_on: Callable[[], bool] = lambda: True
) -> Iterator[CaseResult]:
    """Run tests one after the other, giving each result when it is there; nothing leaves, nothing is kept.

    `may_go_on` is asked before each test; the ones left out are skipped.
    """
    given = suite.document.get("tests")
    rows = [row for row in given if isinstance(row, Mapping)] if isinstance(given, Sequence) else []
    wanted = [row for row in rows if suite.only is None or str(row.get("name")) in suite.only]
    program = _program(suite) if wanted else None
    for row in wanted:
        name = str(row.get("name") or "Unnamed test")
        if isinstance(program, str):
            yield CaseResult(name, BROKEN, problem=program)
        elif not may_go_on():
            yield CaseResult(name, SKIPPED, problem="There was no time to run it.")
        elif program is not None:
            yield _run(name, row, program, sandbox)


def failing(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Return the tests that keep a draft from being published: all that are not green."""
    return [result for result in results if result.status != GREEN]


def reason_to_keep(results: Sequence[CaseResult], reason: str) -> str:
    """Return why a draft is published although not all tests are green: empty when they are.

    Raises TestsAreRed when some are not and there is no reason.
    """
    wrong = failing(results)
    if wrong and not reason.strip():
        raise TestsAreRed(wrong)
    return reason if wrong else ""


def _program(suite: Suite) -> Program | str:
    try:
        return compile_program(_DRAFT, suite.brain_id, suite.document)
    except InvalidDocument as error:
        return f"The brain cannot run yet. {error}"


def _run(name: str, row: Mapping[str, Any], program: Program, sandbox: Runs) -> CaseResult:
    case = _case(row)
    if isinstance(case, str):
        return CaseResult(name, BROKEN, problem=case)
    steps = Play(program, case, sandbox).run()
    wrong = next((step for step in steps if not step.ok), None)
    if wrong is None:
        return CaseResult(name, GREEN, steps)
    return CaseResult(name, RED, steps, f"Step {wrong.number}: {wrong.why}")


def _case(row: Mapping[str, Any]) -> Case | str:
    """Read a test; a text when it has a problem."""
    try:
        return parse_document({"brain": "test", "title": "Test", "tests": [dict(row)]}).tests[0]
    except InvalidDocument as error:
        return f"This test cannot run: {problem_words(error.problems[0])}"


def problem_words(problem: Problem) -> str:
    """Say what is wrong in a test and where, in an operator's words."""
    steps = problem.path.split(".")[2:]
    if steps[:1] in (["steps"], ["stubs"]) and len(steps) > 1 and steps[1].isdecimal():
        return f"{steps[0][:-1]} {int(steps[1]) + 1}: {problem.message}"
    return f"{' '.join(steps)}: {problem.message}" if steps else problem.message
