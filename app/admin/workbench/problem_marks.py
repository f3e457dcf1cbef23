"""Problems as marks in the code editor: field, range, suggested replacement."""

import re
from typing import Final

from app.admin.workbench.command_view import get_field_id
from app.brains.document.validation import ValidationProblem
from app.immutable import immutable

_LOCATION_PREFIX = re.compile(r"^(?:Prompt “[^”]*”(?:, |: ))?(?:Line \d+: )?")
_QUOTED = re.compile(r"“([^“”]{1,100})”")
# As the sandbox's advice and the lint say what was meant.
_SUGGESTIONS: Final = (
    re.compile(r"Did you mean “([^“”]{1,100})”\?"),
    re.compile(r"Write \{\{ ([^{}]{1,200}) \}\}"),
    re.compile(r"Write (ctx\.\w{1,60})\."),
)
# Path of a problem within its command, and the id of the field it is about.
_INPUT_IDS: Final = tuple(
    (re.compile(pattern), input_id)
    for pattern, input_id in (
        (r"(name|group|errors_to)", r"\1"),
        (r"trigger\.(\w+)(\.\d+)?", r"t_\1"),
        (r"arguments\.(\d+)", r"arg-\1-name"),
        (r"arguments\.(\d+)\.(\w+)(\.\d+)?", r"arg-\1-\2"),
        (r"action\.buttons\.(\d+)", r"button-\1"),
        (r"action\.buttons", "button-0"),
        (r"action\.(prompt|otherwise)", r"\1"),
        (r"restrict\.cooldown\.(\w+)", r"cooldown_\1"),
        (r"restrict\.(\w+)(\.\d+)?", r"\1"),
    )
)


@immutable
class Mark:
    """A problem at its place in a field; columns count from 1, None where only the line is known.

    `wrong` is the name that the problem is about, `right` what to write instead; either may be empty.
    """

    field: str
    line: int
    column: int | None
    end_column: int | None
    message: str
    fix: str
    wrong_text: str = ""
    replacement: str = ""


def get_input_id(problem: ValidationProblem) -> str:
    """Return the id of the form field that a problem of a command is about; empty for none."""
    field = ".".join(problem.path.split(".")[2:]) if problem.command_id else ""
    for pattern, input_id in _INPUT_IDS:
        if found := pattern.fullmatch(field):
            return found.expand(input_id)
    return ""


def build_mark(problem: ValidationProblem) -> Mark | None:
    """Return a problem as a mark; None for one that has no line in a field of the page."""
    field = get_field_id(problem)
    if not field or not problem.line:
        return None
    message = _LOCATION_PREFIX.sub("", problem.message)
    quoted = _QUOTED.findall(message)
    wrong = quoted[-1] if quoted else ""
    right = (
        next((found[1] for each in _SUGGESTIONS if (found := each.search(problem.fix))), "") if wrong else ""
    )
    return Mark(field, problem.line, problem.column, problem.end_column, message, problem.fix, wrong, right)
