"""Problems as marks in the code editor: in which field, from where to where, and what to write instead."""

import re
from dataclasses import dataclass
from typing import Final

from app.admin.command_form import field_of
from app.brains.problems import Problem

_PLACE = re.compile(r"^(?:Prompt “[^”]*”(?:, |: ))?(?:Line \d+: )?")
_QUOTED = re.compile(r"“([^“”]{1,100})”")
# As the sandbox's advice and the lint say what was meant.
_MEANT: Final = (
    re.compile(r"Did you mean “([^“”]{1,100})”\?"),
    re.compile(r"Write \{\{ ([^{}]{1,200}) \}\}"),
    re.compile(r"Write (ctx\.\w{1,60})\."),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A problem at its place in a field; columns count from 1, None where only the line is known.

    `wrong` is the name that the problem is about, `right` what to write instead; either may be empty.
    """

    field: str
    line: int
    column: int | None
    end: int | None
    message: str
    fix: str
    wrong: str = ""
    right: str = ""


def mark_of(problem: Problem) -> Mark | None:
    """Return a problem as a mark; None for one that has no line in a field of the page."""
    field = field_of(problem)
    if not field or not problem.line:
        return None
    message = _PLACE.sub("", problem.message)
    quoted = _QUOTED.findall(message)
    wrong = quoted[-1] if quoted else ""
    right = next((found[1] for each in _MEANT if (found := each.search(problem.fix))), "") if wrong else ""
    return Mark(field, problem.line, problem.column, problem.end_column, message, problem.fix, wrong, right)
